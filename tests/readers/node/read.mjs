// Reads streams that streams.c printed by the vendors' own readers, and compares what comes of each with the answer that was
// not streamed. A line that differs is printed; the last line is "N passed, N failed, N skipped".
import assert from "node:assert/strict";
import readline from "node:readline";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";

const retries = { apiKey: "k", maxRetries: 0 };
const answer = (text, type) => async () =>
  new Response(text, { status: 200, headers: { "content-type": type } });
const streamed = (row) => answer(row.stream, "text/event-stream");
const whole = (row) => answer(JSON.stringify(row.body), "application/json");

// What no reader keeps of a member that is not there.
const bare = (value) =>
  Array.isArray(value)
    ? value.map(bare)
    : value && typeof value === "object"
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([key, inner]) => inner !== null && inner !== undefined && key !== "parsed" && key !== "parsed_arguments")
            .map(([key, inner]) => [key, bare(inner)]))
      : value;

const readers = {
  async chat(row) {
    const openai = (fetch) => new OpenAI({ ...retries, baseURL: "http://127.0.0.1:9/v1", fetch });
    const ask = { model: "m", messages: [{ role: "user", content: "hi" }], n: row.choices };
    const got = await openai(streamed(row)).chat.completions.stream({ ...ask, stream_options: { include_usage: true } }).finalChatCompletion();
    const want = await openai(whole(row)).chat.completions.create(ask);
    // Members that the reader does not know are overwritten by each piece, not put together.
    const of = (body) => ({
      id: body.id, model: body.model, created: body.created,
      choices: body.choices.map(({ message, finish_reason, index, logprobs }) => ({
        index, finish_reason, logprobs, content: message.content, refusal: message.refusal, tool_calls: message.tool_calls?.map(({ index: _, ...call }) => call),
      })),
      usage: row.body.usage && body.usage,
    });
    assert.deepEqual(bare(of(got)), bare(of(want)));
  },
  async responses(row) {
    const openai = (fetch) => new OpenAI({ ...retries, baseURL: "http://127.0.0.1:9/v1", fetch });
    const got = await openai(streamed(row)).responses.stream({ model: "m", input: "hi" }).finalResponse();
    const want = await openai(whole(row)).responses.create({ model: "m", input: "hi" });
    assert.deepEqual(bare({ ...got, output_text: 0 }), bare({ ...want, output_text: 0 }));
    assert.equal(got.output_text, want.output_text);
  },
  async anthropic(row) {
    const client = (fetch) => new Anthropic({ ...retries, baseURL: "http://127.0.0.1:9", fetch });
    const ask = { model: "m", max_tokens: 9, messages: [{ role: "user", content: "hi" }] };
    const got = await client(streamed(row)).messages.stream(ask).finalMessage();
    const want = await client(whole(row)).messages.create(ask);
    delete want.usage.cache_creation; // the reader takes it from the first event, where nobody knows it
    assert.deepEqual(bare(got), bare(want));
  },
  async gemini(row) {
    const client = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: "http://127.0.0.1:9" } });
    const ask = { model: "m", contents: "hi" };
    const join = (candidates) => {
      const found = new Map();
      for (const candidate of candidates) {
        const kept = found.get(candidate.index ?? 0) ?? { parts: [] };
        found.set(candidate.index ?? 0, kept);
        kept.finishReason = candidate.finishReason ?? kept.finishReason;
        for (const part of candidate.content?.parts ?? []) {
          const last = kept.parts.at(-1);
          const said = typeof part.text === "string";
          if (said && last && typeof last.text === "string" && !last.thoughtSignature && !last.thought === !part.thought) {
            last.text += part.text;
            if (part.thoughtSignature) last.thoughtSignature = part.thoughtSignature;
          } else if (!said || part.text !== "" || part.thoughtSignature) {
            kept.parts.push({ ...part });
          }
        }
      }
      return [...found].sort(([a], [b]) => a - b);
    };
    globalThis.fetch = streamed(row);
    const chunks = [];
    for await (const chunk of await client.models.generateContentStream(ask)) chunks.push(chunk);
    globalThis.fetch = whole(row);
    const want = await client.models.generateContent(ask);
    assert.deepEqual(bare(join(chunks.flatMap((chunk) => chunk.candidates ?? []))), bare(join(want.candidates ?? [])));
    const last = chunks.at(-1);
    assert.deepEqual(last.usageMetadata, want.usageMetadata);
    assert.equal(last.responseId, want.responseId);
    assert.equal(last.modelVersion, want.modelVersion);
  },
};

let passed = 0;
let failed = 0;
for await (const line of readline.createInterface({ input: process.stdin })) {
  const row = JSON.parse(line);
  try {
    if (row.error) {
      await assert.rejects(readers[row.target](row), (error) => String(error.message).includes(row.error));
    } else {
      await readers[row.target](row);
    }
    passed++;
  } catch (error) {
    failed++;
    if (failed <= 5) {
      console.log(`seed ${row.seed} from ${row.source} to ${row.target}${row.error ? " (error)" : ""}: ${error.message}`);
      console.log(row.stream.slice(0, 20000));
    }
  }
}
if (passed + failed === 0) failed = 1; // nothing came
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed > 0 ? 1 : 0);
