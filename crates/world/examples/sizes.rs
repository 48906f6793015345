//! Builds a world and prints its summary: how many pages and characters of each kind.
fn main() {
    let size = if std::env::args().any(|a| a == "demo") { world::Size::Demo } else { world::Size::Smoke };
    let started = std::time::Instant::now();
    let world = world::World::build(&world::WorldConfig::new(1, size));
    let bytes: usize = world.pages().map(|p| p.body.len()).sum();
    println!("{}", serde_json::to_string_pretty(&world.summary()).unwrap());
    println!("{bytes} bytes of HTML in {:?}", started.elapsed());
    if std::env::args().any(|a| a == "chats") {
        for chat in &world.conversations {
            println!("@@@{} {}", chat.split, chat.kind);
            chat.messages.iter().for_each(|m| println!("{}: {}", m.role, m.content.as_str()));
        }
    }
    if std::env::args().any(|a| a == "texts") {
        for sheet in world.sheets.iter().filter(|s| s.kept()) {
            println!("@@@{}\n{}\n{}", sheet.kind, sheet.url, sheet.text);
        }
    }
}
