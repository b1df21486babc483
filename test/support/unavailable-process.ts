// Stands in for the WebRTC process on a machine that the native library does not exist for.
process.send?.({ kind: 'unavailable', message: 'There is no WebRTC on this machine.' });
process.on('message', () => undefined);
