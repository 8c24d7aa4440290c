/** A wrong use of the command: one sentence, exit code 2. */
export class WrongUse extends Error {}

/** The user stopped the command: where things stand, and how to go on. */
export class Stopped extends Error {}
