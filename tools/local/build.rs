//! The pages are embedded: a new or changed one means a new program.

fn main() {
    println!("cargo::rerun-if-changed=../../console");
    println!("cargo::rerun-if-changed=../../clients/js");
}
