import type { BenchmarkResult, Table, Target } from './benchmark.ts';
import type { Machine } from './measure/machine.ts';

/** The whole run as text; Markdown, so that it can be pasted into docs/BENCHMARKS.md. */
export function renderReport(date: string, machine: Machine, results: readonly BenchmarkResult[]): string {
  const { cpu, cores, memoryGb, kernel, git, node, load } = machine;
  const targets = results.flatMap((result) => result.targets);
  return [
    `${date}. ${cpu}, ${cores} cores, ${memoryGb} GB; ${kernel}; ${git}; Node ${node}; load at the start ${load.join(' ')}.`,
    ...results.flatMap(({ tables }) => tables.map(renderTable)),
    renderTable({
      title: 'Targets',
      columns: ['what', 'measured', 'limit', ''],
      rows: targets.map((target) => [
        target.what,
        figure(target, target.value),
        figure(target, target.limit),
        mark(target),
      ]),
    }),
  ].join('\n\n');
}

export const isMet = ({ value, limit }: Target): boolean => value <= limit;

const mark = (target: Target): string => (isMet(target) ? '✓' : '✗ missed');

function figure({ unit }: Target, value: number): string {
  const text = unit === 'ms' || unit === 'MB' ? value.toFixed(0) : value.toFixed(2);
  return `${text} ${unit === 'x' ? '×' : unit}`;
}

/** First column to the left, numbers to the right. */
function renderTable({ title, columns, rows }: Table): string {
  const widths = columns.map((column, index) => Math.max(3, column.length, ...rows.map((row) => row[index]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [`### ${title}`, '', line(columns), rule, ...rows.map(line)].join('\n');
}
