//! `funnel.html`: the way of the input through the filters, to be looked at in a browser.
//!
//! One file with everything in it: no script, nothing from elsewhere. What pages contain is hostile: all of it is escaped, a
//! page's own HTML is shown in a frame that may run nothing and load nothing, and the whole document forbids both besides.

use std::fmt::Write;

use base::text::{escape, thousands};

use super::examples::{Example, Examples, Extraction};
use super::task::TaskTime;
use crate::funnel::{Funnel, Step, in_bytes};

/// Languages that are told one by one.
const LANGUAGES: usize = 12;

/// The page.
pub fn html(funnel: &Funnel, examples: &Examples, times: &[TaskTime]) -> String {
    let mut out = String::new();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Funnel</title><style>{STYLE}</style></head><body><main>\n"
    );
    summary(&mut out, funnel);
    steps(&mut out, funnel, examples);
    kept(&mut out, &examples.kept);
    extractions(&mut out, &examples.extractions);
    histograms(&mut out, funnel);
    languages(&mut out, funnel);
    throughput(&mut out, funnel, times);
    out.push_str("</main></body></html>\n");
    out
}

const STYLE: &str = "
:root { color-scheme: light dark; --ink: light-dark(#1c1c1a, #e8e6e1); --soft: light-dark(#6b6a66, #9c9a94); --line: light-dark(#e2dfd8, #3a3936);
  --paper: light-dark(#fbfaf7, #1b1b1a); --card: light-dark(#fff, #242423); --kept: light-dark(#3f7d58, #6fb38b); --dropped: light-dark(#c8563c, #e08a72); }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 2.5rem 1.5rem 5rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 3rem 0 .8rem; } p.note, .soft { color: var(--soft); }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.5rem 0 0; }
.figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1.1rem; min-width: 8.5rem; }
.figure b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
details { border-top: 1px solid var(--line); } details:last-of-type { border-bottom: 1px solid var(--line); }
summary, .row { display: grid; grid-template-columns: 10.5rem 1fr 15rem; gap: 1rem; align-items: center; padding: .45rem 0; cursor: pointer; }
summary::-webkit-details-marker { display: none; } summary { list-style: none; } summary:hover { background: var(--card); }
details.still summary { cursor: default; }
.name { font-weight: 600; } .name::before { content: '▸'; display: inline-block; width: 1.1em; color: var(--soft); }
details[open] > summary .name::before { content: '▾'; } details.still .name::before { content: ''; }
.bar { display: flex; height: 16px; border-radius: 4px; overflow: hidden; background: color-mix(in srgb, var(--line) 45%, transparent); }
.bar i { display: block; height: 100%; } i.kept { background: var(--kept); } i.dropped { background: var(--dropped); }
.count { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.reasons { padding: .2rem 0 1.2rem 1.1rem; } .reason { margin: .9rem 0 .3rem; display: flex; justify-content: space-between; max-width: 46rem; }
.example { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; margin: .4rem 0; }
.example .soft { font-size: 13px; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0 0; font: 13px/1.45 ui-monospace, monospace; max-height: 9.5rem; overflow: auto; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin: .5rem 0 1.6rem; }
.pair > * { height: 26rem; box-sizing: border-box; border: 1px solid var(--line); border-radius: 8px; width: 100%; }
.pair iframe { background: #fff; color-scheme: light; } .pair pre { margin: 0; padding: .8rem; max-height: none; background: var(--card); }
.columns { display: flex; align-items: flex-end; gap: 3px; height: 150px; } .columns > div { flex: 1; display: flex; flex-direction: column; justify-content: flex-end; height: 100%; }
.columns i { display: block; } .axis { display: flex; gap: 3px; color: var(--soft); font-size: 11px; } .axis span { flex: 1; text-align: center; overflow: hidden; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; } th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 500; } td.wide { width: 35%; }
@media (max-width: 760px) { summary, .row { grid-template-columns: 1fr; gap: .2rem; } .count { text-align: left; } .pair { grid-template-columns: 1fr; } }
";

fn summary(out: &mut String, funnel: &Funnel) {
    let share = percent(funnel.output.documents, funnel.input.records);
    let _ = write!(
        out,
        "<h1>From {} records to {} documents</h1>\n<p class=\"soft\">profile {}; languages told by {}, believed above {}</p>\n<div class=\"figures\">",
        thousands(funnel.input.records),
        thousands(funnel.output.documents),
        escape(&funnel.profile),
        escape(&funnel.language.model),
        funnel.language.threshold,
    );
    for (figure, what) in [
        (thousands(funnel.input.files), "files"),
        (in_bytes(funnel.input.bytes), "as stored"),
        (thousands(funnel.input.records), "records"),
        (thousands(funnel.output.documents), "documents"),
        (share, "of the records stay"),
        (in_bytes(funnel.output.bytes), "of text"),
    ] {
        let _ = write!(out, "<div class=\"figure\"><b>{figure}</b><span class=\"soft\">{what}</span></div>");
    }
    out.push_str("</div>\n");
}

/// A line for each filter, which opens to its reasons and what it dropped.
fn steps(out: &mut String, funnel: &Funnel, examples: &Examples) {
    out.push_str("<h2>What each filter kept and dropped</h2>\n<p class=\"note\">Bars are shares of all records. A line opens to reasons and examples.</p>\n");
    let all = funnel.input.records.max(1);
    for step in &funnel.steps {
        let class = if step.dropped == 0 { " class=\"still\"" } else { "" };
        let _ = write!(
            out,
            "<details{class}><summary><span class=\"name\">{}</span>{}<span class=\"count\">{} kept · {} dropped ({})</span></summary>",
            escape(&words_of(&step.name)),
            bar(step.kept, step.dropped, all),
            thousands(step.kept),
            thousands(step.dropped),
            percent(step.dropped, step.kept + step.dropped),
        );
        if step.dropped > 0 {
            out.push_str("<div class=\"reasons\">");
            reasons(out, step, examples);
            out.push_str("</div>");
        }
        out.push_str("</details>\n");
    }
}

fn reasons(out: &mut String, step: &Step, examples: &Examples) {
    let mut reasons: Vec<(&String, &u64)> = step.reasons.iter().collect();
    reasons.sort_by_key(|&(name, count)| (std::cmp::Reverse(*count), name));
    for (reason, count) in reasons {
        let rule = reason.split_once('/').map_or(reason.as_str(), |(_, rule)| rule);
        let _ = write!(
            out,
            "<div class=\"reason\"><b>{}</b><span class=\"count\">{} ({})</span></div>",
            escape(&words_of(rule)),
            thousands(*count),
            percent(*count, step.kept + step.dropped)
        );
        examples.dropped.get(reason).into_iter().flatten().for_each(|dropped| example(out, dropped));
    }
}

fn example(out: &mut String, example: &Example) {
    let size = if example.characters == 0 { String::new() } else { format!(" · {} characters", thousands(example.characters)) };
    let _ = write!(out, "<div class=\"example\"><span class=\"soft\">{}{size}</span>", escape(&example.name));
    if !example.text.is_empty() {
        let _ = write!(out, "<pre>{}</pre>", escape(&example.text));
    }
    out.push_str("</div>");
}

/// Some of what passed everything.
fn kept(out: &mut String, kept: &[Example]) {
    if !kept.is_empty() {
        out.push_str("<h2>What stayed, for example</h2>\n");
        kept.iter().for_each(|stayed| example(out, stayed));
    }
}

/// Pages beside their main text.
fn extractions(out: &mut String, extractions: &[Extraction]) {
    if extractions.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Extraction: the page, and what was taken for its text</h2>\n\
         <p class=\"note\">Left, the page as it came, without its scripts, pictures and outside styles.</p>\n",
    );
    for Extraction { name, html, text, html_bytes, .. } in extractions {
        let _ = writeln!(
            out,
            "<div class=\"soft\">{} · {} of HTML</div><div class=\"pair\"><iframe sandbox title=\"the page\" srcdoc=\"{}\"></iframe><pre>{}</pre></div>",
            escape(name),
            in_bytes(*html_bytes),
            escape(html),
            escape(text)
        );
    }
}

fn histograms(out: &mut String, funnel: &Funnel) {
    let (kept, dropped) = (&funnel.kept_characters.0, &funnel.dropped_characters.0);
    let places = kept.len().max(dropped.len());
    if places == 0 {
        return;
    }
    out.push_str("<h2>How long texts are</h2>\n<p class=\"note\">Characters, in powers of two; green stayed, red was dropped.</p>\n<div class=\"columns\">");
    let at = |histogram: &[u64], place: usize| histogram.get(place).copied().unwrap_or(0);
    let first = (0..places).find(|&place| at(kept, place) + at(dropped, place) > 0).unwrap_or(0);
    let most = (first..places).map(|place| at(kept, place) + at(dropped, place)).max().unwrap_or(1).max(1);
    for place in first..places {
        let (kept, dropped) = (at(kept, place), at(dropped, place));
        let height = |n: u64| 100.0 * n as f64 / most as f64;
        let _ = write!(
            out,
            "<div title=\"{} to {}: {kept} kept, {dropped} dropped\"><i class=\"dropped\" style=\"height:{:.2}%\"></i><i class=\"kept\" style=\"height:{:.2}%\"></i></div>",
            thousands(1 << place),
            thousands((2 << place) - 1),
            height(dropped),
            height(kept)
        );
    }
    out.push_str("</div><div class=\"axis\">");
    for place in first..places {
        let _ = write!(out, "<span>{}</span>", short(1 << place));
    }
    out.push_str("</div>\n");
}

fn languages(out: &mut String, funnel: &Funnel) {
    let mut languages: Vec<(&str, u64)> = funnel.languages.iter().map(|(code, n)| (code.as_str(), *n)).collect();
    languages.sort_by_key(|&(code, n)| (std::cmp::Reverse(n), code));
    let all: u64 = languages.iter().map(|(_, n)| n).sum();
    if all == 0 {
        return;
    }
    let rest: u64 = languages.iter().skip(LANGUAGES).map(|(_, n)| n).sum();
    out.push_str("<h2>Languages</h2>\n<p class=\"note\">Of the texts that came to this filter.</p>\n");
    languages.truncate(LANGUAGES);
    if rest > 0 {
        languages.push(("others", rest));
    }
    for (code, n) in languages {
        let _ = write!(
            out,
            "<div class=\"row\"><span>{}</span>{}<span class=\"count\">{} ({})</span></div>",
            escape(code),
            bar(n, 0, all),
            thousands(n),
            percent(n, all)
        );
    }
}

/// What each step took, and how fast it was.
fn throughput(out: &mut String, funnel: &Funnel, times: &[TaskTime]) {
    let nanos_of = |step: &str| times.iter().filter_map(|task| task.nanos.get(step)).sum::<u64>();
    let all: u64 = funnel.steps.iter().map(|step| nanos_of(&step.name)).sum();
    if all == 0 {
        return;
    }
    let seconds: f64 = times.iter().map(|task| task.seconds).sum();
    let threads = times.iter().map(|task| task.threads).max().unwrap_or(1);
    let _ = write!(
        out,
        "<h2>Where the time went</h2>\n<p class=\"note\">{seconds:.1} s for {} tasks on {threads} threads, {:.0} records a second; below, the threads' time \
         together. Bytes are those that came to a step.</p>\n<table><tr><th>step</th><th>seconds</th><th></th><th>ms a record</th><th>MB/s a thread</th></tr>",
        times.len(),
        funnel.input.records as f64 / seconds.max(1e-9)
    );
    let mut bytes_in = None;
    for step in &funnel.steps {
        let nanos = nanos_of(&step.name);
        let came = step.kept + step.dropped;
        if nanos > 0 {
            let rate = bytes_in.map_or("".to_string(), |bytes: u64| format!("{:.1}", bytes as f64 * 1e3 / nanos as f64));
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{:.2}</td><td class=\"wide\">{}</td><td>{:.3}</td><td>{rate}</td></tr>",
                escape(&words_of(&step.name)),
                nanos as f64 / 1e9,
                bar(nanos, 0, all),
                nanos as f64 / 1e6 / came.max(1) as f64,
            );
        }
        bytes_in = Some(step.kept_bytes);
    }
    out.push_str("</table>\n");
}

/// A bar of two parts of a whole.
fn bar(kept: u64, dropped: u64, all: u64) -> String {
    let width = |n: u64| 100.0 * n as f64 / all.max(1) as f64;
    format!(
        "<span class=\"bar\"><i class=\"kept\" style=\"width:{:.2}%\"></i><i class=\"dropped\" style=\"width:{:.2}%\"></i></span>",
        width(kept),
        width(dropped)
    )
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1}%", 100.0 * part as f64 / whole.max(1) as f64)
}

/// `gopher_quality` as people write it.
fn words_of(name: &str) -> String {
    name.replace('_', " ")
}

/// `4k`: a power of two for a narrow axis.
fn short(n: u64) -> String {
    match n {
        0..1024 => n.to_string(),
        1024..1_048_576 => format!("{}k", n >> 10),
        _ => format!("{}M", n >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    /// Nothing that a page says becomes part of the document.
    #[test]
    fn what_pages_contain_is_escaped() {
        let attack = "\"><script>alert(1)</script><iframe srcdoc='x'>&amp;";
        let mut examples = Examples::default();
        examples.offer_dropped("fineweb/short_lines", "1", attack, attack);
        examples.offer_extraction("2", attack, attack, attack);
        examples.offer_kept("3", attack, attack);
        let mut step = Step { name: "fineweb".into(), ..Step::default() };
        step.keep(100);
        step.drop(Reason("fineweb/short_lines"));
        let mut funnel = Funnel { profile: attack.into(), steps: vec![step], ..Funnel::default() };
        funnel.languages.insert(attack.into(), 3);
        funnel.kept_characters.add(1234);
        let time = TaskTime { task: 0, seconds: 1.0, threads: 2, nanos: [("fineweb".to_string(), 1000)].into() };
        let page = html(&funnel, &examples, &[time]);
        assert!(!page.contains("<script") && !page.contains("srcdoc='"), "{page}");
        assert_eq!(page.matches("<iframe").count(), 1);
        assert_eq!(page.matches("alert(1)").count(), 9, "{page}");
        assert!(page.contains("Content-Security-Policy") && page.contains("short lines") && page.contains("1,024 to 2,047: 1 kept"));
        for (open, close) in [("<div", "</div>"), ("<details", "</details>"), ("<span", "</span>"), ("<table", "</table>")] {
            assert_eq!(page.matches(open).count(), page.matches(close).count(), "{open}");
        }
    }
}
