import type { Maybe } from "./contract";
import { known, percent } from "./format";

interface Props {
  busy: Maybe<number>;
  idle: Maybe<number>;
  blocked: Maybe<number>;
  own?: Maybe<number>;
  external?: Maybe<number>;
}

const at = (v: Maybe<number>) => `${(known(v) ? Math.max(0, Math.min(1, v)) : 0) * 100}%`;

// How time is split, as one bar. The numbers are in its label.
export function ShareBar({ busy, idle, blocked, own, external }: Props) {
  let words = `busy ${percent(busy)}, idle ${percent(idle)}, blocked ${percent(blocked)}`;
  if (known(own)) words += `, itself ${percent(own)}`;
  if (known(external) && external > 0) words += `, waiting outside ${percent(external)}`;
  return (
    <span class="sharebar" role="img" aria-label={words} title={words}>
      <span class="busy" style={{ width: at(busy) }} />
      {known(own) && <span class="own" style={{ width: at(Math.min(own, busy ?? 0)) }} />}
      {known(external) && external > 0 && <span class="external" style={{ width: at(Math.min(external, busy ?? 0)) }} />}
      <span class="blocked" style={{ width: at(blocked) }} />
    </span>
  );
}

// One share as a bar, with its number beside it.
export function Meter({ share, label }: { share: Maybe<number>; label: string }) {
  return (
    <span class="meter" role="img" aria-label={label}>
      <span class="fill" style={{ width: at(share) }} />
    </span>
  );
}
