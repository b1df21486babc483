import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.ts';

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate of its own authority for these names, as files in `folder`; clients trust it by NODE_EXTRA_CA_CERTS. */
export function makeCertificate(folder: string, ...names: readonly string[]): Certificate {
  const files = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  const config = join(folder, 'certificate.conf');
  writeFileSync(
    config,
    `[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = NAT laboratory
[extensions]
basicConstraints = critical, CA:true
subjectAltName = ${names.map((name) => `DNS:${name}`).join(', ')}
`,
  );
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const out = ['-keyout', files.key, '-out', files.certificate, '-days', '2', '-config', config];
  runCommand('openssl', ['req', '-x509', ...ec, ...out]);
  return files;
}
