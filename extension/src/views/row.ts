/** A row of a tree, without the editor's classes, so that rows are values that can be compared and tested. */
export interface Row {
  /** Stable while the thing it shows is the same, so that selection and expansion survive an update. */
  readonly id: string;
  readonly label: string;
  readonly description?: string;
  /** Plain text, several lines. */
  readonly tooltip?: string;
  readonly icon: string;
  /** Theme color of the icon. */
  readonly color?: string;
  /** `viewItem` in `when` clauses of package.json. */
  readonly context: string;
  /** The row in words, for screen readers. */
  readonly accessible: string;
  readonly children?: readonly Row[];
  /** It has children, which are read when they are asked for. */
  readonly lazy?: true;
  readonly expanded?: boolean;
  readonly command?: string;
  /** What the row's commands act on. */
  readonly target?: RowTarget;
}

/** Names what a row stands for; commands take it from the tree, and look up the rest in the session model. */
export interface RowTarget {
  readonly repo: string;
  readonly approval?: string;
  readonly branch?: string;
  readonly fingerprint?: string;
  /** A commit: of a conflict, the side that is meant. */
  readonly tip?: string;
  readonly path?: string;
  /** An entry of the activity. */
  readonly entry?: string;
}
