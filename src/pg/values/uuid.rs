//! Uuids as texts.

/// A uuid as PostgreSQL writes it.
pub fn written(bytes: &[u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_written_as_usual() {
        assert_eq!(written(&[0xab; 16]), "abababab-abab-abab-abab-abababababab");
    }
}
