/**
 * The layers of docs/ARCHITECTURE.md: imports point down only. `npm run lint` and test/unit/layering.test.ts hold it; the
 * compiler's project references keep `vscode` and Node out of the layers that must not know them.
 */
const src = 'extension/src';
const p2p = `${src}/p2p`;

/** Layer → what it may import besides itself. */
const layers = {
  [`${src}/shared/`]: [],
  [`${src}/rpc/`]: [`${src}/shared/`],
  [`${p2p}/sync/`]: [`${src}/shared/`],
  // Shared with the server, so it knows neither Node nor anything of the engine.
  [`${p2p}/signaling/wire/`]: [],
  [`${p2p}/signaling/`]: [`${src}/shared/`],
  [`${p2p}/transport/`]: [`${src}/shared/`, `${p2p}/signaling/`],
  'server/': [`${src}/shared/`, `${p2p}/signaling/wire/`],
  [`${p2p}/link/`]: [`${src}/shared/`, `${p2p}/transport/`],
  [`${p2p}/repo/`]: [`${src}/shared/`],
  [`${p2p}/session/`]: [
    `${src}/shared/`,
    `${src}/rpc/`,
    `${p2p}/sync/`,
    `${p2p}/repo/`,
    `${p2p}/link/`,
    `${p2p}/transport/`,
    `${p2p}/signaling/`,
    `${p2p}/home.ts`,
  ],
  // A page knows the messages of its panel and the shapes in them, and nothing else.
  'webview/': [`${src}/views/[a-z-]+-messages.ts`, `${src}/rpc/`],
  // The extension host knows the engine only by its contract.
  [`${src}/(commands|views)/`]: [`${src}/shared/`, `${src}/rpc/`, `${src}/(commands|views)/`, `${src}/[^/]+\\.ts`],
};

const rules = Object.entries(layers).map(([layer, allowed]) => ({
  name: `layer ${layer}`,
  severity: 'error',
  from: { path: `^${layer}` },
  to: { path: '^(extension|server|webview|test|bench)/', pathNot: [layer, ...allowed].map((path) => `^${path}`) },
}));

module.exports = {
  forbidden: [
    ...rules,
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'vscode only in the extension host',
      severity: 'error',
      from: { path: `^(${p2p}|${src}/rpc|${src}/shared|webview|server)/` },
      to: { path: '(^|/)(@types/)?vscode(/index\\.d\\.ts)?$' },
    },
    {
      name: 'the extension host never imports the engine',
      severity: 'error',
      from: { path: `^${src}/([^/]+\\.ts|commands/|views/)` },
      to: { path: `^${p2p}/` },
    },
    {
      name: 'pure layers know no Node',
      severity: 'error',
      from: { path: `^(${src}/shared|${src}/rpc|${p2p}/sync|${p2p}/signaling/wire)/` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no test code in the product',
      severity: 'error',
      from: { path: '^(extension|webview|server)/' },
      to: { path: '^(test|bench)/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.tsbuild)/' },
  },
};
