// Stands in for the WebRTC process where one is wanted that dies at once.
process.exit(1);
