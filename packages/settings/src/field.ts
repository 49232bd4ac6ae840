/**
 * A setting is one record: its type, default, limits and the sentence that explains it. From the same record come the
 * check (zod), the message when the check fails, the reference page and the name of the environment variable, so that
 * none of them can drift from the others.
 */
import { z } from 'zod';

export interface Field<T> {
  /** Checks a value and fills in the default. */
  readonly schema: z.ZodType<T>;
  /** Checks a value that is there. */
  readonly bare: z.ZodType<T>;
  readonly kind: 'value' | 'list' | 'map' | 'section';
  /** Completes "expected ...": `a whole number from 1 to 100 (seconds)`. */
  readonly expects: string;
  /** The `type` and `limits` columns of the reference page. */
  readonly type: string;
  readonly limits: string;
  /** One sentence for operators. */
  readonly says: string;
  /** Default as written in YAML; undefined: none, the key may be absent. */
  readonly initial: unknown;
  readonly optional: boolean;
  /** Taken from an environment variable as it is, without reading it as YAML. */
  readonly plainText: boolean;
  /** The value may hold a secret and is never repeated in a message. */
  readonly secret: boolean;
  /** Keys of a section. */
  readonly fields?: Readonly<Record<string, Field<unknown>>>;
  /** What each entry of a map or list of sections is. */
  readonly item?: Field<unknown>;
}

type Described<T> = Pick<Field<T>, 'bare' | 'expects' | 'type' | 'limits' | 'says'> & Partial<Field<T>>;

function field<T>(described: Described<T>): Field<T> {
  const { bare, initial } = described;
  return {
    kind: 'value',
    optional: false,
    plainText: false,
    secret: false,
    initial: undefined,
    ...described,
    // `prefault` and not `default`: the default passes the same checks and the same reading as a written value.
    schema: initial === undefined ? bare : (bare.prefault(initial as never) as unknown as z.ZodType<T>),
  };
}

export interface NumberOptions {
  readonly min: number;
  readonly max: number;
  /** Absent: the key has no default. */
  readonly initial?: number;
  /** For people: `seconds`, `bytes`, `messages`. */
  readonly unit: string;
  readonly says: string;
}

/** A whole number with inclusive limits. */
export function whole(options: NumberOptions): Field<number> {
  const limits = `${options.min} to ${options.max}`;
  return field({
    bare: z.int().min(options.min).max(options.max),
    expects: `a whole number from ${limits} (${options.unit})`,
    type: `whole number (${options.unit})`,
    limits,
    says: options.says,
    initial: options.initial,
  });
}

/** A number that need not be whole, with inclusive limits. */
export function fraction(options: NumberOptions): Field<number> {
  const limits = `${options.min} to ${options.max}`;
  return field({
    bare: z.number().min(options.min).max(options.max),
    expects: `a number from ${limits} (${options.unit})`,
    type: `number (${options.unit})`,
    limits,
    says: options.says,
    initial: options.initial,
  });
}

export function flag(options: { readonly initial: boolean; readonly says: string }): Field<boolean> {
  return field({
    bare: z.boolean(),
    expects: 'true or false',
    type: 'true or false',
    limits: '',
    ...options,
  });
}

/** One of a few words. */
export function choice<const T extends string>(
  values: readonly T[],
  options: { readonly initial?: T; readonly says: string },
): Field<T> {
  const one = values.join(', ');
  return field<T>({
    bare: z.literal(values as T[]),
    expects: `one of ${one}`,
    type: 'word',
    limits: one,
    plainText: true,
    ...options,
  });
}

export interface TextOptions {
  /** `a host name`; completes "expected ...". */
  readonly expects: string;
  readonly type: string;
  /** Decides whether a text is one; a limit on length always applies besides. */
  readonly accepts?: (text: string) => boolean;
  readonly charactersMax: number;
  readonly initial?: string;
  readonly says: string;
  readonly secret?: boolean;
}

export function text(options: TextOptions): Field<string> {
  const { accepts = () => true, charactersMax, expects, type, says, initial, secret = false } = options;
  return field<string>({
    bare: z
      .string()
      .max(charactersMax)
      .refine((value) => accepts(value)),
    expects: `${expects} of at most ${charactersMax} characters`,
    type,
    limits: `${charactersMax} characters`,
    says,
    initial,
    plainText: true,
    secret,
  });
}

/** A text that is read into a value at once, so that no later code parses it again. */
export function parsedText<T>(
  options: Omit<TextOptions, 'accepts'> & { readonly parse: (text: string) => T | undefined },
): Field<T> {
  const { parse, charactersMax, expects, type, says, initial } = options;
  return field<T>({
    bare: z
      .string()
      .max(charactersMax)
      .transform((value, context) => {
        const parsed = parse(value);
        if (parsed !== undefined) return parsed;
        context.addIssue({ code: 'custom', message: expects });
        return z.NEVER;
      }) as unknown as z.ZodType<T>,
    expects,
    type,
    limits: '',
    says,
    initial,
    plainText: true,
  });
}

/** The key may be absent; then nothing stands in its place, not even the default of what it wraps. */
export function optional<T>(of: Field<T>): Field<T | undefined> {
  const bare = of.bare as z.ZodType<T | undefined>;
  return { ...of, bare, schema: of.bare.optional(), initial: undefined, optional: true };
}

/** A list; absent is the empty list. */
export function list<T>(item: Field<T>, options: { readonly entriesMax: number }): Field<readonly T[]> {
  return field<readonly T[]>({
    kind: 'list',
    bare: z.array(item.schema).max(options.entriesMax),
    expects: `a list of at most ${options.entriesMax}, each ${item.expects}`,
    type: `list, each: ${item.type}`,
    limits: `${options.entriesMax} entries`,
    says: item.says,
    initial: [],
    secret: item.secret,
    item: item as Field<unknown>,
  });
}

export interface MapOptions {
  /** What the operator chooses as a key: `destination domain`. */
  readonly keyIs: string;
  readonly entriesMax: number;
  readonly initial: Readonly<Record<string, unknown>>;
  readonly says: string;
}

/** Sections under names that the operator chooses (domains, hosts). */
export function map<T>(item: Field<T>, options: MapOptions): Field<Readonly<Record<string, T>>> {
  return field<Readonly<Record<string, T>>>({
    kind: 'map',
    bare: z
      .record(z.string().max(300), item.schema)
      .refine((value) => Object.keys(value).length <= options.entriesMax),
    expects: `a section per ${options.keyIs}, at most ${options.entriesMax}`,
    type: `section per ${options.keyIs}`,
    limits: `${options.entriesMax} entries`,
    says: options.says,
    initial: options.initial,
    item: item as Field<unknown>,
  });
}

/** The fields of a section, one for each key of its type: a missing and a surplus key are both compile errors. */
export type SectionFields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

/** A section in which something has no default (an entry of a list, an optional section). */
export function requiredSection<T>(says: string, fields: SectionFields<T>): Field<T> {
  const byName = fields as Readonly<Record<string, Field<unknown>>>;
  const shape = Object.fromEntries(Object.entries(byName).map(([name, of]) => [name, of.schema]));
  return field<T>({
    kind: 'section',
    // zod derives the output type from the shape; SectionFields<T> has already tied that shape to T.
    bare: z.strictObject(shape) as unknown as z.ZodType<T>,
    expects: `a section with the keys ${Object.keys(byName).join(', ')}`,
    type: 'section',
    limits: '',
    says,
    fields: byName,
  });
}

/** A section that stands with the defaults of its fields when it is absent. Unknown keys are refused. */
export function section<T>(says: string, fields: SectionFields<T>): Field<T> {
  return field<T>({ ...requiredSection<T>(says, fields), initial: {} });
}

/** Marks the message of a condition as written for people: it is shown as it is. */
export const conditionParameters = { said: true } as const;

/** A field with a condition over several of its own keys. */
export function constrained<T>(of: Field<T>, holds: (value: T) => boolean, message: string): Field<T> {
  return field<T>({ ...of, bare: of.bare.refine(holds, { message, params: conditionParameters }) });
}
