/**
 * What the extension loads with its first request to the engine, its first page or its first conflict and not before (ED1): the language client and the
 * schemas take longer to load than everything else together. esbuild makes this a bundle of its own, `dist/deferred.cjs`.
 */
export { EngineConnection } from './engine-connection.ts';
export { decodeConflictTarget, decodeMarkerBlock, decodePeerDocument } from './conflict-arguments.ts';
export { decodeSettings } from './decode-settings.ts';
export { ResolutionHost } from './views/resolve-host.ts';
export { DraftStore } from './views/resolve-drafts.ts';
export { pageMemory } from './views/resolve-messages.ts';
