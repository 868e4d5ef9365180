//! Images that were converted when they were opened: what only their own code can put right.

use imprint_vm::Vm;

/// Rehashes the collections of an image whose words became wider, and warns of those that could not be;
/// answers how many were. `program` speaks.
pub fn rehash(program: &str, vm: &mut Vm) -> usize {
    let rehashed = vm.rehash_rekeyed();
    for failure in &rehashed.failures {
        eprintln!(
            "{program}: warning: a collection of the image of 32-bit words could not be rehashed, and may not \
             find keys that are large integers or floats: {failure}"
        );
    }
    rehashed.collections
}
