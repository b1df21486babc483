import type { Random } from './random.ts';

const SYLLABLES =
  'al ar ba be bit buf cap ch con cor da de dir el en er ex fi fo ge gro ha he id in ja ka lo ma me mi na no ob on pa pe po qu ra re ro sa se si so ta te to un up va ve wa xe yo zi'.split(
    ' ',
  );
const TYPES = ['string', 'number', 'boolean', 'Buffer', 'readonly string[]', 'Map<string, number>', 'Promise<void>'];

/** Writes lines that look, compress and delta like the source code that repositories are full of. */
export class SourceText {
  private readonly random: Random;
  private readonly names: readonly string[];

  constructor(random: Random) {
    this.random = random;
    const names = new Set<string>();
    while (names.size < 2_000) names.add(this.newName());
    this.names = [...names];
  }

  lines(count: number): string[] {
    return Array.from({ length: count }, () => this.line());
  }

  private line(): string {
    const { random } = this;
    const indent = '  '.repeat(random.below(5));
    switch (random.below(10)) {
      case 0:
        return '';
      case 1:
        return `${indent}// ${this.name()} ${this.name()} the ${this.name()} of ${this.name()}`;
      case 2:
        return `${indent}if (${this.name()} !== ${this.name()}.${this.name()}) {`;
      case 3:
        return `${indent}}`;
      case 4:
        return `${indent}return ${this.name()}(${this.name()}, ${random.below(1_000)});`;
      case 5:
        return `export function ${this.name()}(${this.name()}: ${random.pick(TYPES)}): ${random.pick(TYPES)} {`;
      case 6:
        return `${indent}${this.name()}.${this.name()} = '${this.name()}-${this.name()}';`;
      case 7:
        return `${indent}for (const ${this.name()} of ${this.name()}.${this.name()}()) {`;
      default:
        return `${indent}const ${this.name()} = ${this.name()}.${this.name()}(${this.name()}, ${this.name()});`;
    }
  }

  private name(): string {
    // Few names are everywhere and most are rare, as in real code.
    return this.names[this.random.below(1 + this.random.below(this.names.length))]!;
  }

  private newName(): string {
    const words = Array.from({ length: this.random.between(1, 3) }, (_, position) => {
      const word = Array.from({ length: this.random.between(1, 3) }, () => this.random.pick(SYLLABLES)).join('');
      return position === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1);
    });
    return words.join('');
  }
}
