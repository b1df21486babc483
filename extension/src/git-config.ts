/** `user.name` in the text of a git configuration file, the last one as git takes it. Includes and continued lines are not followed. */
export function userNameIn(config: string): string | undefined {
  let section = '';
  let name: string | undefined;
  for (const line of config.split(/\r?\n/)) {
    section = /^\s*\[([^\]]*)\]/.exec(line)?.[1]?.trim().toLowerCase() ?? section;
    if (section !== 'user') continue;
    const value = /^\s*name\s*=\s*(.*?)\s*$/i.exec(line)?.[1];
    if (value !== undefined) name = value.replace(/^"(.*)"$/, '$1');
  }
  return name === '' ? undefined : name;
}
