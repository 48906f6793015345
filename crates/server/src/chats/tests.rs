//! What needs no server.

use super::slug;

#[test]
fn a_title_is_a_files_name() {
    assert_eq!(slug("Why is the sky blue?"), "why-is-the-sky-blue");
    assert_eq!(slug("../\"; x=\r\n"), "x");
    assert_eq!(slug("…"), "chat");
}
