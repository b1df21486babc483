/**
 * The commands that a peer may ask for over an SSH `exec` channel, and nothing else. A session has one repository, so the path says
 * only what is wanted: everything, or a guest's first look at the tip, which is served faster and a little larger.
 */
export const UPLOAD_PACK_COMMANDS = { everything: "git-upload-pack '/'", tip: "git-upload-pack '/tip'" } as const;
