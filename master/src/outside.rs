//! What the master's own machine gets from the world: this host, a compiler, and source texts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Instant;

use imprint_bootstrap::compile_elsewhere;
use imprint_heap::Heap;
use imprint_host::LocalOutside;
use imprint_image::Sources;
use imprint_isa::{BehaviorName, CompileRequest, MethodDraft, Miss, Name};
use imprint_model::layout::behavior;
use imprint_vm::install::{MethodDictionary, Names, source_pointer_in};
use imprint_vm::{Answer, Event, Outside, OutsideError};

/// The texts of an image's methods. Where each lies is said by the trailer of the method; of those
/// that were compiled since, and whoever wants to ask without a heap, by an index.
#[derive(Default)]
pub struct SourceBook {
    sources: OnceLock<Sources>,
    /// The file that the texts are read from when the first one is wanted.
    file: PathBuf,
    pointers: HashMap<(BehaviorName, Name), u64>,
}

impl SourceBook {
    /// A book of these texts.
    pub fn of(sources: Sources) -> SourceBook {
        SourceBook {
            sources: OnceLock::from(sources),
            ..SourceBook::default()
        }
    }

    /// A book of the texts in a file, which is read when the first one is wanted. Where there is
    /// none, there are no texts.
    pub fn in_file(file: PathBuf) -> SourceBook {
        SourceBook {
            file,
            ..SourceBook::default()
        }
    }

    /// As [`SourceBook::of`], with an index of the methods in a heap, as their trailers name them.
    pub fn indexed(heap: &Heap, names: &Names, sources: Sources) -> SourceBook {
        let mut book = SourceBook::of(sources);
        for name in names.class_names() {
            for meta in [false, true] {
                let class = name.clone();
                book.add_behavior(heap, names, BehaviorName { class, meta });
            }
        }
        book
    }

    fn add_behavior(&mut self, heap: &Heap, names: &Names, behavior: BehaviorName) {
        let Some(class) = names.behavior(heap, &behavior) else {
            return;
        };
        let dictionary = MethodDictionary(heap.slot(class, behavior::METHOD_DICTIONARY));
        for (selector, method) in dictionary.entries(heap) {
            let pointer = source_pointer_in(heap, names, method);
            if let Some(text) = heap.string_text(selector).filter(|_| pointer != 0) {
                self.pointers
                    .insert((behavior.clone(), text.into()), pointer);
            }
        }
    }

    /// The text of a method; `pointer` is what its trailer says, 0 where that says nothing or nobody has the
    /// method at hand: then the index is asked.
    pub fn text(&self, behavior: &BehaviorName, selector: &str, pointer: u64) -> Option<String> {
        self.sources().at(self.place(behavior, selector, pointer))
    }

    /// Who wrote a method, and when; `pointer` as above.
    pub fn stamp(&self, behavior: &BehaviorName, selector: &str, pointer: u64) -> Option<String> {
        let place = self.place(behavior, selector, pointer);
        self.sources().stamp_at(place)
    }

    /// A method that was replaced, or that came back, is at hand with its own pointer; the index knows only
    /// what was compiled last.
    fn place(&self, behavior: &BehaviorName, selector: &str, pointer: u64) -> u64 {
        if pointer != 0 {
            return pointer;
        }
        let method = (behavior.clone(), Name::from(selector));
        self.pointers.get(&method).copied().unwrap_or(0)
    }

    /// The whole changes file.
    pub fn sources(&self) -> &Sources {
        self.sources.get_or_init(|| {
            let texts = fs::read(&self.file).map(Sources::from_bytes);
            texts.unwrap_or_default()
        })
    }

    /// Blanks some bytes wherever they stand in the texts; what names a text goes on doing so.
    pub fn blank(&mut self, bytes: &[u8], blank: u8) {
        self.sources();
        if let Some(sources) = self.sources.get_mut() {
            sources.blank(bytes, blank);
        }
    }

    /// Adds the text of a method that was compiled since, and answers where it stands; `stamp` says who wrote
    /// it and when.
    pub fn add(&mut self, draft: &MethodDraft, stamp: &str, source: &str) -> u64 {
        self.sources();
        let Some(sources) = self.sources.get_mut() else {
            return 0;
        };
        let behavior = draft.behavior.to_string();
        let pointer = sources.add_stamped(&behavior, &draft.protocol, stamp, source);
        let method = (draft.behavior.clone(), draft.selector.clone());
        self.pointers.insert(method, pointer);
        pointer
    }
}

/// This host, with a compiler.
pub struct MasterOutside {
    local: LocalOutside,
    book: Rc<RefCell<SourceBook>>,
}

impl MasterOutside {
    /// The host and the texts that compiling adds to.
    pub fn new(local: LocalOutside, book: Rc<RefCell<SourceBook>>) -> MasterOutside {
        MasterOutside { local, book }
    }
}

impl Outside for MasterOutside {
    fn request(&mut self, misses: &[Miss]) -> Result<Answer, OutsideError> {
        self.local.request(misses)
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Vec<Event> {
        self.local.wait(deadline)
    }

    fn poll(&mut self) -> Vec<Event> {
        self.local.poll()
    }

    fn compile(&mut self, request: CompileRequest, names: &Names) -> Result<MethodDraft, String> {
        let draft = compile_elsewhere(names, &request)?;
        if request.is_expression {
            return Ok(draft);
        }
        self.book.borrow_mut().add(&draft, "", &request.source);
        Ok(draft)
    }

    fn method_source(
        &mut self,
        behavior: &BehaviorName,
        selector: &str,
        pointer: u64,
    ) -> Option<String> {
        self.book.borrow().text(behavior, selector, pointer)
    }

    fn method_stamp(
        &mut self,
        behavior: &BehaviorName,
        selector: &str,
        pointer: u64,
    ) -> Option<String> {
        self.book.borrow().stamp(behavior, selector, pointer)
    }

    fn pruned(&mut self, class: &BehaviorName, selector: &str) {
        self.local.pruned(class, selector);
    }

    fn pruned_object(&mut self, name: Option<&str>) {
        self.local.pruned_object(name);
    }

    fn pruned_unhandled(&mut self) {
        self.local.pruned_unhandled();
    }

    fn warn(&mut self, sentence: &str) {
        self.local.warn(sentence);
    }

    fn now_micros(&self) -> u64 {
        self.local.now_micros()
    }
}
