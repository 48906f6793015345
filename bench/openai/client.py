"""OpenAI's own Python client against a server: all that it can do and the server does, and how refusals arrive in it.

Needs the Python package openai, and a server: `schoolhouse serve`. Then, from the repository's root:

    python bench/openai/client.py http://127.0.0.1:8000/v1 --chat demo/assistant --base demo/base [--key KEY]

Prints a line for each check and ends with a failure where one fails.
"""

import argparse
import asyncio
import math
import sys

import openai


def same(found, expected):
    assert found == expected, f"{found!r} where {expected!r} was expected"


def refused(kind, param, call):
    try:
        call()
    except kind as error:
        same(error.body["param"], param)
        return error
    raise AssertionError(f"{kind.__name__} did not come")


def models(client, args):
    ids = [model.id for model in client.models.list()]
    assert args.chat in ids and args.base in ids, ids
    same(client.models.retrieve(args.chat).id, args.chat)


def chat(client, args):
    ask = {"model": args.chat, "messages": [{"role": "user", "content": "Who are you?"}], "seed": 1, "max_tokens": 40}
    whole = client.chat.completions.create(**ask)
    same(whole.choices[0].message.role, "assistant")
    assert whole.choices[0].finish_reason in ("stop", "length") and whole.usage.total_tokens > whole.usage.prompt_tokens > 0
    same(client.chat.completions.create(**ask).choices[0].message.content, whole.choices[0].message.content)
    chunks = list(client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    same(text, whole.choices[0].message.content)
    same(chunks[-1].usage.total_tokens, whole.usage.total_tokens)
    with client.chat.completions.stream(**ask) as events:
        same(events.get_final_completion().choices[0].message.content, text)
    parts = [{"type": "text", "text": "Who are "}, {"type": "text", "text": "you?"}]
    same(client.chat.completions.create(**{**ask, "messages": [{"role": "user", "content": parts}]}).choices[0].message.content, text)


def logprobs(client, args):
    ask = {"model": args.chat, "messages": [{"role": "user", "content": "Who are you?"}], "temperature": 0, "max_tokens": 8, "n": 2}
    answer = client.chat.completions.create(**ask, logprobs=True, top_logprobs=3)
    same(len(answer.choices), 2)
    for choice in answer.choices:
        for token in choice.logprobs.content:
            assert len(token.top_logprobs) == 3 and token.logprob <= 0
            same(token.top_logprobs[0].token, token.token)
        same(bytes(byte for token in choice.logprobs.content for byte in token.bytes).decode(), choice.message.content)


def functions(client, args):
    parameters = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    tools = [{"type": "function", "function": {"name": "search", "description": "Looks it up.", "parameters": parameters}}]
    asked = [{"role": "user", "content": args.lookup}]
    answer = client.chat.completions.create(model=args.chat, messages=asked, tools=tools, temperature=0)
    message = answer.choices[0].message
    if not message.tool_calls:
        return f"the model did not look {args.lookup!r} up"
    same(answer.choices[0].finish_reason, "tool_calls")
    output = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Nothing was found."}
    behind = client.chat.completions.create(model=args.chat, messages=[*asked, message, output], tools=tools, temperature=0)
    assert behind.choices[0].message.content or behind.choices[0].message.tool_calls
    return f"{message.tool_calls[0].function.arguments}, then {behind.choices[0].message.content!r}"


def server_tools(client, args):
    asked = [{"role": "user", "content": args.lookup}]
    answer = client.chat.completions.create(model=args.chat, messages=asked, temperature=0, extra_body={"tools": [{"type": "search"}, {"type": "python"}]})
    calls = (answer.choices[0].message.model_extra or {}).get("calls", [])
    return f"{[call['input'] for call in calls]}, then {answer.choices[0].message.content!r}"


def completions(client, args):
    ask = {"model": args.base, "prompt": "Once upon a time", "max_tokens": 12, "seed": 2}
    whole = client.completions.create(**ask, n=2, echo=True)
    same(len(whole.choices), 2)
    assert all(choice.text.startswith("Once upon a time") for choice in whole.choices)
    streamed = "".join(chunk.choices[0].text for chunk in client.completions.create(**ask, stream=True))
    same("Once upon a time" + streamed, whole.choices[0].text)
    scored = client.completions.create(model=args.base, prompt="Once upon a time", max_tokens=0, echo=True, logprobs=2).choices[0].logprobs
    same(scored.token_logprobs[0], None)
    assert all(math.isfinite(logprob) and logprob <= 0 for logprob in scored.token_logprobs[1:])
    stopped = client.completions.create(**{**ask, "max_tokens": 60}, stop=[" "])
    assert " " not in stopped.choices[0].text


def refusals(client, args):
    ask = {"model": args.chat, "messages": [{"role": "user", "content": "Hi"}]}
    create = client.chat.completions.create
    refused(openai.NotFoundError, "model", lambda: create(**{**ask, "model": "gpt-none"}))
    refused(openai.BadRequestError, "response_format", lambda: create(**ask, response_format={"type": "json_object"}))
    refused(openai.BadRequestError, None, lambda: create(**ask, reasoning_effort="high"))
    refused(openai.BadRequestError, "temperature", lambda: create(**ask, temperature=-1))
    long = [{"role": "user", "content": "word " * 100_000}]
    error = refused(openai.BadRequestError, "messages", lambda: create(**{**ask, "messages": long}))
    same(error.code, "context_length_exceeded")
    weather = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]
    refused(openai.BadRequestError, "tools[0].function.name", lambda: create(**ask, tools=weather))


def many(client, args):
    async def run():
        async with openai.AsyncOpenAI(base_url=client.base_url, api_key=client.api_key) as several:
            asked = [several.chat.completions.create(model=args.chat, messages=[{"role": "user", "content": f"What is {n} + 1?"}], seed=n, max_tokens=30)
                     for n in range(24)]
            return [answer.choices[0].message.content for answer in await asyncio.gather(*asked)]

    together = asyncio.run(run())
    for n in (0, 11, 23):
        alone = client.chat.completions.create(model=args.chat, messages=[{"role": "user", "content": f"What is {n} + 1?"}], seed=n, max_tokens=30)
        same(together[n], alone.choices[0].message.content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--chat", required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--key", default="none")
    parser.add_argument("--lookup", default="Who is Orla Venn? Look it up.")
    args = parser.parse_args()
    client = openai.OpenAI(base_url=args.url, api_key=args.key, max_retries=0, timeout=120)
    failed = 0
    for check in (models, chat, logprobs, functions, server_tools, completions, refusals, many):
        try:
            print(f"{check.__name__}: fine", check(client, args) or "", flush=True)
        except Exception as error:  # each check is told of
            failed += 1
            print(f"{check.__name__}: {type(error).__name__}: {error}", flush=True)
    sys.exit(f"{failed} checks failed" if failed else 0)


if __name__ == "__main__":
    main()
