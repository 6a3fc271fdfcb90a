import { useEffect, useRef, useState } from "preact/hooks";
import type { Profile } from "../contract";
import { milliseconds } from "../format";
import { ask } from "../stream";
import { Flame } from "./flame";

const length = 5; // seconds

// Takes a CPU profile of one operator when asked.
export function ProfileButton({ operator }: { operator: string }) {
  const [profile, setProfile] = useState<Profile>();
  const [error, setError] = useState("");
  const [running, setRunning] = useState(false);
  const stop = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => stop.current?.abort(), []);

  const take = async () => {
    const control = new AbortController();
    stop.current = control;
    setRunning(true);
    setError("");
    try {
      setProfile(await ask<Profile>(`api/v1/profile?seconds=${length}&operator=${encodeURIComponent(operator)}`, control.signal));
    } catch (e) {
      if (control.signal.aborted) return;
      setError(e instanceof Error ? e.message : String(e));
    }
    setRunning(false);
  };

  return (
    <div class="profile">
      <button type="button" onClick={take} disabled={running}>
        {running ? `Measuring for ${length} s …` : `CPU profile ${length} s`}
      </button>
      <span role="status" class="unseen">
        {running ? "Measuring" : profile ? `Profile of ${milliseconds(profile.total_ms)} of processor time` : ""}
      </span>
      {error && <p class="failure">{error}</p>}
      {profile && (profile.root.ms > 0 ? <Flame profile={profile} /> : <p class="nothing">It used no processor time that could be sampled.</p>)}
    </div>
  );
}
