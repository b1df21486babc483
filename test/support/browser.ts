import { chromium, type Browser } from 'playwright-core';

/** The browser's path can be set where it is not Debian's. */
const EXECUTABLE = process.env.PEERWEAVE_CHROMIUM ?? '/usr/bin/chromium';

/** A headless Chromium that talks to nobody but the servers under test. */
export async function launchBrowser(): Promise<Browser> {
  try {
    return await chromium.launch({
      executablePath: EXECUTABLE,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  } catch (cause) {
    throw new Error(
      `Could not start ${EXECUTABLE}. Install Chromium (Debian: apt-get install chromium) or set PEERWEAVE_CHROMIUM.`,
      {
        cause,
      },
    );
  }
}
