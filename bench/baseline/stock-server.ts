/** A running stand-in for what people use today. */
export interface StockServer {
  /** Where to clone the folder `name` of the served root from. */
  url(name: string): string;
  /** What git needs in its environment to get there. */
  readonly env: Readonly<Record<string, string>>;
  readonly pid: number;
  stop(): Promise<void>;
}
