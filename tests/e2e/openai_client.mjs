// OpenAI's official JavaScript client against a server: openai_client.mjs URL QUESTION; prints what it was told as JSON.
import OpenAI from "openai";

const [url, question] = process.argv.slice(2);
const client = new OpenAI({ baseURL: url + "/v1", apiKey: "none", maxRetries: 0 });
const ask = { model: "cairn", messages: [{ role: "user", content: question }] };
const kinds = [OpenAI.NotFoundError, OpenAI.BadRequestError];

const models = [];
for await (const model of client.models.list()) models.push(model.id);
const whole = await client.chat.completions.create(ask);
let streamed = "";
let finish = null;
for await (const part of await client.chat.completions.create({ ...ask, stream: true })) {
  streamed += part.choices[0]?.delta?.content ?? "";
  finish = part.choices[0]?.finish_reason ?? finish;
}
const refusals = [];
for (const wrong of [{ ...ask, model: "gpt-4" }, { ...ask, temperature: 99 }]) {
  try {
    await client.chat.completions.create(wrong);
    refusals.push("none");
  } catch (problem) {
    refusals.push(kinds.find(kind => problem instanceof kind)?.name ?? String(problem));
  }
}
const stopped = await client.chat.completions.create({ ...ask, stream: true });
stopped.controller.abort(); // a client that goes away takes its request along
console.log(JSON.stringify({ models, answer: whole.choices[0].message.content, citations: whole.citations, streamed, finish, refusals }));
