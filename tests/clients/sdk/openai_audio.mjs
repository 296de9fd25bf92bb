// The official OpenAI SDK for Node, speech and transcriptions; the first argument says which major: openai or openai6.
import { base, key, must, refused, run } from "./lib.mjs";

const { default: OpenAI, toFile } = await import(process.argv[2]);
const client = new OpenAI({ baseURL: base, apiKey: key, timeout: 30000 });
const model = "aurora-small";
const words = "This recording has 3000 ms of sound.";

function recording(seconds) {
  const data = Buffer.alloc(16000 * seconds, 1);
  const head = Buffer.from("RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0........\x02\0\x10\0data....", "latin1");
  head.writeUInt32LE(36 + data.length, 4);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16000, 28);
  head.writeUInt32LE(data.length, 40);
  return toFile(Buffer.concat([head, data]), "speech.wav");
}

const hear = async (more) => client.audio.transcriptions.create({ model, file: await recording(3), ...more });

await run({
  async transcription() {
    const answer = await hear({ language: "en", prompt: "names: Ana", timestamp_granularities: ["word", "segment"] });
    must(answer.text === words && answer.usage.input_token_details.audio_tokens === 30, JSON.stringify(answer));
  },
  async formats() {
    must((await hear({ response_format: "srt" })).startsWith("1\n00:00:00,000"), "no subtitles");
    const answer = await hear({ response_format: "verbose_json" });
    must(Number(answer.duration) === 3 && answer.usage.seconds === 3, JSON.stringify(answer));
  },
  async streamed() {
    let text = "", last = null;
    for await (const event of await hear({ stream: true })) {
      text += event.delta ?? "";
      last = event;
    }
    must(text === words && last.text === words && last.usage.total_tokens > 30, JSON.stringify(last));
  },
  async translation() {
    const answer = await client.audio.translations.create({ model, file: await recording(3), response_format: "verbose_json" });
    must(answer.text === words && answer.task === "translate" && Number(answer.duration) === 3, JSON.stringify(answer));
  },
  async no_recording() {
    const file = await toFile(Buffer.from("not a recording"), "a.txt");
    await refused(() => client.audio.transcriptions.create({ model, file }), (error) => error.status === 400);
  },
  async nobody() {
    const stranger = new OpenAI({ baseURL: base, apiKey: "sk-nobody", timeout: 30000 });
    const file = await recording(100);
    await refused(() => stranger.audio.transcriptions.create({ model, file }), (error) => error.status === 401);
  },
  async speech() {
    const answer = await client.audio.speech.create({ model, input: "Good morning.", voice: "alloy", response_format: "wav" });
    must((await answer.arrayBuffer()).byteLength === 44 + 13 * 2880, "of another length");
  },
  async speech_events() {
    const answer = await client.audio.speech.create({ model, input: "Good.", voice: "alloy", stream_format: "sse" });
    const events = (await answer.text()).split("\n\n").filter(Boolean).map((line) => JSON.parse(line.slice(6)));
    must(events.at(-1).type === "speech.audio.done" && events.at(-1).usage.total_tokens > 0, "no end");
  },
});
