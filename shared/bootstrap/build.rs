//! Says that the crate depends on the kernel's sources, which a macro puts into it.

fn main() {
    println!("cargo::rerun-if-changed=../kernel");
}
