//! Keeps the linker from dropping what nothing in the library calls: the SQL definitions that `cargo pgrx` reads.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=sql");
    if std::env::var_os("CARGO_FEATURE_PG").is_some() && std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux")
    {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--no-gc-sections");
    }
}
