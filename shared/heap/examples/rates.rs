//! How fast objects are made and collected here: prints allocation rate, scavenge times and the
//! time of a full collection. Run with `cargo run --release -p imprint-heap --example rates`.

use imprint_heap::{Collection, Heap, HeapError, HeapSettings, Safepoint};
use imprint_model::{ClassIndex, Format, Oop};
use std::time::Instant;

const KEPT: usize = 100_000;
const ROUNDS: usize = 40_000_000;

fn collect(heap: &mut Heap, kind: Collection, roots: &mut Vec<Oop>) {
    heap.collect(Safepoint::at_interpreter_loop(), kind, roots);
}

fn pair(heap: &mut Heap, roots: &mut Vec<Oop>) -> Oop {
    loop {
        match heap.allocate(ClassIndex::ARRAY, Format::ARRAY, 2) {
            Ok(oop) => return oop,
            Err(_) => collect(heap, Collection::Scavenge, roots),
        }
    }
}

fn main() -> Result<(), HeapError> {
    let mut heap = Heap::new(HeapSettings::default())?;
    let Ok(nil) = heap.allocate_old(1024, Format::EMPTY, 0) else {
        return Ok(());
    };
    heap.set_singletons(nil, nil, nil);
    let mut roots = vec![nil; 1000];

    let begun = Instant::now();
    for round in 0..ROUNDS {
        let oop = pair(&mut heap, &mut roots);
        let at = round.wrapping_mul(7919) % roots.len();
        if round % 16 == 0 {
            roots[at] = oop;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let counts = heap.collection_counts();
    eprintln!(
        "allocation   {:.0} million pairs a second",
        ROUNDS as f64 / seconds / 1e6
    );
    eprintln!(
        "scavenges    {} of {:.1} us, with 1,000 roots",
        counts.scavenges,
        counts.scavenge_micros as f64 / counts.scavenges as f64
    );

    for _ in 0..KEPT {
        let head = roots[0];
        let oop = pair(&mut heap, &mut roots);
        heap.store(oop, 0, if head == nil { nil } else { roots[0] });
        roots[0] = oop;
    }
    let before = heap.collection_counts();
    collect(&mut heap, Collection::Scavenge, &mut roots);
    let after = heap.collection_counts();
    eprintln!(
        "survivors    a scavenge with {} KB tenured took {} us",
        (after.tenured_bytes - before.tenured_bytes) / 1024,
        after.scavenge_micros - before.scavenge_micros
    );
    for _ in 0..3 {
        collect(&mut heap, Collection::Full, &mut roots);
    }
    let counts = heap.collection_counts();
    eprintln!(
        "full         {} KB in {} us each",
        heap.usage().old_bytes / 1024,
        counts.full_micros / counts.fulls
    );
    Ok(())
}
