// What the scenarios of all Node clients share. Each scenario prints one line of JSON; whether it held is in it.
export const base = process.env.EP_BASE;
export const key = process.env.EP_KEY;
export const poor = process.env.EP_POOR; // a key of a client without credit
export const model = "aurora-large";
export const hello = [{ role: "user", content: "Say something kind." }];
export const notes = "The notes say 42.";
export const parameters = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };

export function must(condition, what) {
  if (!condition) throw new Error(what);
}

// What was looked at once it fits.
export async function until(look, fits, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; ; await new Promise((go) => setTimeout(go, 100))) {
    const found = await look();
    if (fits(found)) return found;
    must(Date.now() < end, `still ${JSON.stringify(found)}`);
  }
}

export async function refused(attempt, fits) {
  try {
    await attempt();
  } catch (error) {
    must(fits(error), `refused as ${error.constructor.name}: ${error.message} (${error.status ?? error.statusCode})`);
    return;
  }
  throw new Error("not refused");
}

// The tokens that a client was told are those that were billed.
export async function receipted(call, input, output) {
  must(call?.startsWith("call_"), `no call id: ${call}`);
  const answer = await fetch(`${base}/receipts/${call}`, { headers: { authorization: `Bearer ${key}` } });
  const { client } = await answer.json();
  const billed = Object.entries(client.billed).filter(([name]) => name !== "by");
  const sum = (fits) => billed.filter(([name]) => fits(name)).reduce((all, [, tokens]) => all + Number(tokens), 0);
  const isOut = (name) => name.startsWith("out") || name === "reason";
  must(client.outcome === "complete", client.outcome);
  must(sum((name) => !isOut(name)) === input, `input: ${JSON.stringify(client.billed)}, told ${input}`);
  must(sum(isOut) === output, `output: ${JSON.stringify(client.billed)}, told ${output}`);
}

export async function run(scenarios) {
  const wanted = process.argv.slice(3);
  let failed = 0;
  for (const [scenario, body] of Object.entries(scenarios)) {
    if (wanted.length > 0 ? !wanted.includes(scenario) : scenario === "cut") continue;
    try {
      await body();
      console.log(JSON.stringify({ scenario, held: true }));
    } catch (error) {
      failed++;
      console.log(JSON.stringify({ scenario, held: false, why: `${error?.stack ?? error}`.slice(0, 2000) }));
    }
  }
  process.exit(failed > 0 ? 1 : 0);
}
