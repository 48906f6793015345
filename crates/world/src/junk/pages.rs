//! Pages that are judged before anybody reads their words: by address, record, bytes, markup or language.

use super::{fitting, page, round};
use crate::dates;
use crate::html::{dress, headers};
use crate::sheet::{Dress, Raw, Sheet};
use base::rng::Rng;
use base::text::escape;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Bytes as they are sent.
pub fn raw(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Dress {
    Dress::Raw(Raw { status, headers, body, cut: 0 })
}

/// A good text at another address.
fn at(rng: &mut Rng, kind: &'static str, url: String) -> Sheet {
    let text = fitting(rng);
    Sheet::web(kind, url, dates::before_cutoff(rng), "Welcome", text)
}

/// A site or an address that is listed by name.
pub fn listed_domain(rng: &mut Rng, i: usize) -> Sheet {
    const SITES: [&str; 5] = [
        "casino-royal-spins.example",
        "www.cheap-pills-express.example",
        "shop.replica-watch-market.example",
        "gamble.free-hosting.example",
        "hot-singles-nearby.example",
    ];
    let url = format!("https://{}/{i}", rng.pick(&SITES));
    at(rng, "spam", url).dropped_by("url_domain")
}

/// A neighbour of a listed site who has done nothing.
pub fn unlisted_neighbour(rng: &mut Rng, i: usize) -> Sheet {
    let url = format!("https://{}/{i}", rng.pick(&["cats.free-hosting.example", "notice-board.example/public"]));
    at(rng, "chatter", url)
}

/// An address with a listed word.
pub fn listed_word(rng: &mut Rng, i: usize) -> Sheet {
    let url = format!("https://fun.page/{}/{i}", rng.pick(&["casino", "jackpot-hour", "news/viagra", "top-escorts"]));
    at(rng, "spam", url).dropped_by("url_word")
}

/// An address with two of the words that may stand there alone.
pub fn two_soft_words(rng: &mut Rng, i: usize) -> Sheet {
    let url = format!("https://shop.page/{}/{i}", rng.pick(&["cheap-pills", "win/prize", "free-slots-here", "adult-dating"]));
    at(rng, "spam", url).dropped_by("url_soft_words")
}

/// An address with one of them.
pub fn one_soft_word(rng: &mut Rng, i: usize) -> Sheet {
    let url = format!("https://shop.page/{}/{i}", rng.pick(&["cheap-shoes", "prize-of-honour", "free-bread", "adult-school"]));
    at(rng, "chatter", url)
}

/// An address with listed letters that are no word of their own.
pub fn listed_substring(rng: &mut Rng, i: usize) -> Sheet {
    let url = format!("https://web.page/{}/{i}", rng.pick(&["onlinecasinos", "pokerbonuses", "the-sexshops", "myfreecasinos"]));
    at(rng, "spam", url).dropped_by("url_substring")
}

/// A page that is drawn by a script.
pub fn nothing_but_scripts(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new()).dropped_by("extract_empty");
    let html = "<!DOCTYPE html>\n<html><head><title>App</title><script>start({ version: 3 });</script></head>\n\
                <body><div id=\"root\"></div><script src=\"/app.js\"></script></body></html>\n";
    sheet.kind = "boilerplate";
    sheet.dress = raw(200, headers("text/html; charset=utf-8"), html.into());
    sheet
}

/// Menus and a footer around nothing.
pub fn nothing_but_menus(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new()).dropped_by("extract_empty");
    let html = "<!DOCTYPE html>\n<html><head><title>Menu</title></head>\n<body><nav><ul><li><a href=\"/\">Home</a></li>\
                <li><a href=\"/a\">About</a></li><li><a href=\"/c\">Contact</a></li></ul></nav>\n<footer>\
                <a href=\"/terms\">Terms</a></footer></body></html>\n";
    sheet.kind = "boilerplate";
    sheet.dress = raw(200, headers("text/html; charset=utf-8"), html.into());
    sheet
}

const FOREIGN: [[&str; 8]; 6] = [
    [
        "La petite ville se trouve au bord d'une rivière tranquille.",
        "Chaque matin le boulanger ouvre sa boutique avant le lever du soleil.",
        "Les enfants jouent dans le jardin derrière l'école.",
        "Au marché on vend des fruits, du fromage et des fleurs.",
        "Ma grand-mère raconte souvent des histoires de sa jeunesse.",
        "Le vieux pont a été construit il y a plus de deux cents ans.",
        "En hiver la neige couvre les toits et les champs.",
        "Tout le monde connaît le facteur et son chien noir.",
    ],
    [
        "El pueblo está cerca del mar y tiene un puerto pequeño.",
        "Todas las mañanas los pescadores salen con sus barcos.",
        "Mi hermana compra pan y queso en la tienda de la plaza.",
        "Los niños van a la escuela por el camino del río.",
        "En verano muchas familias pasan aquí sus vacaciones.",
        "El viejo molino ya no trabaja, pero todavía es muy bonito.",
        "Por la noche se oyen las campanas de la iglesia.",
        "Nadie sabe quién plantó los árboles delante del ayuntamiento.",
    ],
    [
        "Das kleine Dorf liegt zwischen zwei grünen Hügeln.",
        "Jeden Morgen holt der Bäcker das frische Brot aus dem Ofen.",
        "Die Kinder spielen am Nachmittag auf der Wiese hinter der Schule.",
        "Im Herbst sammeln die Leute Äpfel und Nüsse für den Winter.",
        "Meine Tante hat einen Laden, in dem man alte Bücher kaufen kann.",
        "Über den Fluss führt eine schmale Brücke aus Holz.",
        "Niemand weiß, wer die Uhr am Rathaus angehalten hat.",
        "Am Abend sitzen die Nachbarn vor dem Haus und erzählen Geschichten.",
    ],
    [
        "Il piccolo paese si trova su una collina piena di ulivi.",
        "Ogni mattina il fornaio prepara il pane per tutta la gente.",
        "I bambini giocano nella piazza davanti alla chiesa.",
        "Mia nonna racconta spesso le storie della sua infanzia.",
        "In estate arrivano molti turisti che vogliono vedere il castello.",
        "Il vecchio ponte attraversa il fiume vicino al mulino.",
        "Al mercato si vendono frutta, formaggio e fiori.",
        "Nessuno ricorda chi ha dipinto la porta di verde.",
    ],
    [
        "Het kleine dorp ligt aan een rustige rivier met veel bomen.",
        "Iedere morgen opent de bakker zijn winkel voor de zon opkomt.",
        "De kinderen spelen in de tuin achter de oude school.",
        "Op de markt verkopen ze kaas, fruit en verse bloemen.",
        "Mijn grootmoeder vertelt graag verhalen over vroeger.",
        "In de winter schaatsen de mensen op het meer.",
        "Niemand weet meer wie de brug heeft gebouwd.",
        "De postbode kent alle honden van de straat bij hun naam.",
    ],
    [
        "A pequena cidade fica perto do mar e tem uma praia bonita.",
        "Todas as manhãs o padeiro abre a loja antes do nascer do sol.",
        "As crianças brincam no jardim atrás da escola velha.",
        "No mercado vendem frutas, queijo e flores do campo.",
        "A minha avó conta muitas histórias do tempo da sua juventude.",
        "Ninguém sabe quem construiu a ponte sobre o rio.",
        "No inverno chove muito e as ruas ficam vazias.",
        "O carteiro conhece toda a gente e todos os cães da rua.",
    ],
];

/// Other languages than the one that is read.
pub fn other_language(rng: &mut Rng, i: usize) -> Sheet {
    let sentences: Vec<String> = rng.sample(FOREIGN[round(i) % FOREIGN.len()].as_slice(), 7).into_iter().map(|s| s.to_string()).collect();
    let mut sheet = page(rng, i, crate::prose::paragraphs(&sentences, 2)).dropped_by("language");
    sheet.kind = "foreign";
    sheet
}

/// A good page with e-mail and IP addresses, which are replaced later.
pub fn address_data(rng: &mut Rng, i: usize) -> Sheet {
    let name = crate::names::slug(*rng.pick(&["Anna Berg", "Tom Miller", "Ida Stone", "Max Field"])).replace('-', ".");
    let text = format!(
        "{}\nWrite to {name}@mail-box.org if you have seen the cat. The picture is stored on the machine with the number 81.2.{}.{}.",
        fitting(rng),
        rng.range(1, 250),
        rng.range(1, 250)
    );
    page(rng, i, text).dropped_by("pii")
}

/// A good page whose tags are not closed, or closed in the wrong order.
pub fn broken_html(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new());
    sheet.text = fitting(rng);
    let paragraphs: Vec<String> = sheet.text.lines().map(escape).collect();
    let body = if round(i).is_multiple_of(2) {
        format!("<html><head><title>Page</title><body><div class=post><article><p>{}</article>", paragraphs.join("<p>"))
    } else {
        format!(
            "<HTML><BODY BGCOLOR=white><DIV id=content><ARTICLE><P>{}</B></DIV></ARTICLE><footer>end</footer></BODY>",
            paragraphs.join("</p></span>\n<P align=left>")
        )
    };
    sheet.dress = raw(200, headers("text/html; charset=utf-8"), body.into_bytes());
    sheet
}

/// A good page in another charset, named in the header, in the page, by a mark at its start, or nowhere.
pub fn odd_charset(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new());
    sheet.text = format!("{} The café of Señor Müller is près de l'église.", fitting(rng));
    let named = |charset: &str| renamed(&dress(&sheet.url, "Café", &sheet.text).body, charset);
    let (content_type, body) = match round(i) % 4 {
        0 => ("text/html; charset=windows-1252", latin1(&named("windows-1252"))),
        1 => ("text/html", latin1(&named("iso-8859-1"))),
        2 => ("text/html", [b"\xEF\xBB\xBF".to_vec(), named("utf-8").into_bytes()].concat()),
        _ => {
            let units = named("utf-16").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
            ("text/html", [b"\xFF\xFE".to_vec(), units].concat())
        }
    };
    sheet.dress = raw(200, headers(content_type), body);
    sheet
}

/// The page as text, with another charset in its head.
fn renamed(page: &[u8], charset: &str) -> String {
    String::from_utf8_lossy(page).replace("charset=\"utf-8\"", &format!("charset=\"{charset}\""))
}

/// One byte for each character up to U+00FF.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// A good page that was sent compressed, or in chunks.
pub fn packed(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new());
    sheet.text = fitting(rng);
    let plain = dress(&sheet.url, "Packed", &sheet.text).body;
    let mut headers = headers("text/html; charset=utf-8");
    let body = if round(i).is_multiple_of(2) {
        headers.push(("Content-Encoding".to_string(), "gzip".to_string()));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&plain).expect("memory takes all bytes");
        encoder.finish().expect("memory takes all bytes")
    } else {
        headers.push(("Transfer-Encoding".to_string(), "chunked".to_string()));
        let mut chunked = Vec::new();
        for chunk in plain.chunks(1000) {
            chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            chunked.extend_from_slice(chunk);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        chunked
    };
    sheet.dress = raw(200, headers, body);
    sheet
}

/// A good page whose transfer ended early, behind its text.
pub fn truncated_page(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new());
    sheet.text = fitting(rng);
    let response = dress(&sheet.url, "Cut", &sheet.text);
    let html = String::from_utf8(response.body).expect("pages are UTF-8");
    let end = html.rfind("<footer").unwrap_or(html.len()).max(html.rfind("</p>\n</").map_or(0, |at| at + 4));
    sheet.dress = raw(200, response.headers, html.as_bytes()[..end].to_vec());
    sheet
}

/// Pictures and documents between the pages.
pub fn no_html(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new()).dropped_by("record");
    sheet.kind = "file";
    let (content_type, body): (&str, &[u8]) = match round(i) % 4 {
        0 => ("image/png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
        1 => ("application/pdf", b"%PDF-1.4\n1 0 obj\n"),
        2 => ("application/json", b"{\"pages\": 12}"),
        _ => ("text/html", b"%PDF-1.7 sent under a wrong name"),
    };
    sheet.dress = raw(200, headers(content_type), body.to_vec());
    sheet
}

/// Pages that are not there any more.
pub fn gone(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new()).dropped_by("record");
    sheet.kind = "error";
    let text = fitting(rng);
    let response = dress(&sheet.url, "Not found", &text);
    sheet.dress = raw(*rng.pick(&[404, 410, 500, 301]), response.headers, response.body);
    sheet
}

/// Bytes that are UTF-8 in most places and nothing in some.
pub fn undecodable(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new()).dropped_by("record");
    sheet.kind = "error";
    let text = format!("{} Café, naïve, résumé, Müller.", fitting(rng));
    let response = dress(&sheet.url, "Broken", &text);
    let at = response.body.len() / 2;
    let body = [&response.body[..at], b"\xff\xfe\xff", &response.body[at..]].concat();
    sheet.dress = raw(200, response.headers, body);
    sheet
}

/// A record whose end is missing in the archive.
pub fn damaged_record(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new()).dropped_by("record");
    sheet.kind = "error";
    let response = dress(&sheet.url, "Lost", &fitting(rng));
    let cut = 40 + rng.below(200);
    sheet.dress = Dress::Raw(Raw { status: 200, headers: response.headers, body: response.body, cut });
    sheet
}

fn nested(rng: &mut Rng, i: usize, depth: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new()).dropped_by("extract_too_deep");
    sheet.kind = "error";
    let html = format!("<html><body>{}<p>{}</p></body></html>", "<div>".repeat(depth), fitting(rng));
    sheet.dress = raw(200, headers("text/html; charset=utf-8"), html.into_bytes());
    sheet
}

/// Elements inside elements inside elements, 600 deep.
pub fn too_deep(rng: &mut Rng, i: usize) -> Sheet {
    nested(rng, i, 600)
}

/// The same 100,000 deep, which is too much for a parser that calls itself.
pub fn far_too_deep(rng: &mut Rng, i: usize) -> Sheet {
    nested(rng, i, 100_000)
}

/// A page of a hundred thousand paragraphs and one.
pub fn too_large(rng: &mut Rng, i: usize) -> Sheet {
    let mut sheet = page(rng, i, String::new()).dropped_by("extract_too_large");
    sheet.kind = "error";
    let html = format!("<html><body>{}</body></html>", "<p>a".repeat(100_001));
    sheet.dress = raw(200, headers("text/html; charset=utf-8"), html.into_bytes());
    sheet
}
