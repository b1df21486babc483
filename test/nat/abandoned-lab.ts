import { spawn } from 'node:child_process';
import { Namespace } from './lab/namespace.ts';

/** Builds a namespace with a process in it, says so, and waits to be killed. */
const namespace = new Namespace('abandoned');
namespace.hosts('127.0.0.1 localhost\n');
const [command, ...args] = namespace.via;
const child = spawn(command, [...args, process.execPath, '-e', "console.log('up'); setInterval(() => {}, 60_000)"]);
child.stdout.once('data', () => console.log(JSON.stringify({ name: namespace.name, pid: child.pid })));
