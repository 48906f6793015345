//! `/tokenize`, `/detokenize`, `/apply-template`.

use serde_json::json;

use crate::serve;

#[test]
fn texts_become_tokens_and_tokens_texts() {
    let server = serve();
    let model = "school/small";
    let tokens = server.post("/tokenize", json!({"model": model, "prompt": "é!", "return_token_strs": true})).ok();
    assert_eq!((&tokens["count"], &tokens["max_model_len"]), (&json!(4), &json!(256)));
    assert_eq!(tokens["token_strs"], json!(["<|endoftext|>", "bytes:\\xc3", "bytes:\\xa9", "!"]));
    let bare = server.post("/tokenize", json!({"model": model, "prompt": "é!", "add_special_tokens": false})).ok();
    assert_eq!(bare["count"], 3);
    assert_eq!(server.post("/detokenize", json!({"model": model, "tokens": bare["tokens"]})).ok()["prompt"], "é!");
    let spelt = server.post("/tokenize", json!({"model": model, "prompt": "<|im_end|>", "add_special_tokens": false})).ok();
    assert_eq!(spelt["count"], 10, "what spells a special token is text");

    let messages = json!([{"role": "user", "content": "Hi"}]);
    let chat = server.post("/tokenize", json!({"model": model, "messages": messages})).ok();
    let shown = server.post("/apply-template", json!({"model": model, "messages": messages})).ok();
    assert_eq!(chat["tokens"], shown["tokens"]);
    assert_eq!(shown["prompt"], "<|endoftext|><|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>");
    assert_eq!(server.get("/v1/models").ok()["data"][0]["loaded"], false, "no weights are needed for this");

    server.post("/tokenize", json!({"model": model})).refuses(400, "give either prompt or messages");
    server.post("/detokenize", json!({"model": model, "tokens": [268]})).refuses(400, "the model knows only 268 ids");
    server.post("/detokenize", json!({"model": model, "tokens": [-1]})).refuses(400, "invalid value: integer `-1`");
}
