//! The modules of a page: those that it names, and what they import.
//!
//! A browser hears of an import when it has read what imports, one step of the chain after the other. A page that says at once what
//! stands at the end of it is there sooner. Knows import statements as web/ has them, and no other JavaScript.

/// The modules that a page's HTML needs, those nearest to it first; `read` gives a file of web/ by its name.
pub(super) fn modules(html: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found: Vec<String> = named(html).filter_map(|address| resolve("", address)).collect();
    let mut next = 0;
    while let Some(name) = found.get(next).cloned() {
        for import in imports(&read(&name).unwrap_or_default()).filter_map(|address| resolve(&name, address)) {
            if !found.contains(&import) {
                found.push(import);
            }
        }
        next += 1;
    }
    found
}

/// The addresses in a page's `<script type="module" src="...">`.
fn named(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script type=\"module\" src=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0))
}

/// The addresses in a module's import statements, which begin their lines.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    let first = text.strip_prefix("import ");
    let statements = first.into_iter().chain(text.split("\nimport ").skip(1));
    statements.filter_map(|rest| rest.split_once(';')?.0.split(['\'', '"']).nth(1))
}

/// The name of a file of web/, as another one there calls it; none where it leads elsewhere.
fn resolve(from: &str, address: &str) -> Option<String> {
    if let Some(name) = address.strip_prefix("/web/") {
        return Some(name.to_owned());
    }
    let mut path: Vec<&str> = from.split('/').collect();
    path.pop();
    if !address.starts_with("./") && !address.starts_with("../") {
        return None;
    }
    for part in address.split('/') {
        match part {
            "." => {}
            ".." => _ = path.pop()?,
            name => path.push(name),
        }
    }
    Some(path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_followed_to_their_end() {
        let files = [
            (
                "a.js",
                "// Says import { no } from './no.js'; in a comment.\nimport { b } from './lib/b.js';\nimport\n{ c } from './x.js';\n",
            ),
            (
                "lib/b.js",
                "import {\n  c,\n  d as e,\n} from \"../c.js\";\nimport './b2.js';\nconst x = 'import y';\nimport('./later.js');\n",
            ),
            (
                "c.js",
                "import { a } from './a.js';\nimport { d } from '/web/d.js';\nimport f from 'https://b.org/f.js';\nimport g from '../../g.js';",
            ),
            ("lib/b2.js", ""),
        ];
        let read = |name: &str| files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.to_string());
        let html = "<script src=\"/web/theme.js\"></script>\n<script type=\"module\" src=\"/web/a.js\"></script>";
        assert_eq!(modules(html, read), ["a.js", "lib/b.js", "c.js", "lib/b2.js", "d.js"]);
        assert_eq!(modules("<script type=\"module\" src=\"", read), Vec::<String>::new());
    }

    #[test]
    fn names_are_found_from_where_they_are_called() {
        for (from, address, expected) in [
            ("chat/list.js", "../lib/dom.js", Some("lib/dom.js")),
            ("chat/list.js", "./menu.js", Some("chat/menu.js")),
            ("chat.js", "./chat/./list.js", Some("chat/list.js")),
            ("", "/web/chat.js", Some("chat.js")),
            ("chat.js", "../x.js", None),
            ("chat.js", "lib", None),
            ("chat.js", "//b.org/x.js", None),
        ] {
            assert_eq!(resolve(from, address).as_deref(), expected, "{address} from {from}");
        }
    }
}
