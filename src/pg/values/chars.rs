//! Texts of types that say how long they may be.

/// A text without its trailing blanks, which mean nothing in `char(n)`.
pub fn without_blanks(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|b| *b != b' ').map_or(0, |i| i + 1);
    &text[..end]
}
