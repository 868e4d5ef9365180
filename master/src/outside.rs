//! What the master's own machine gets from the world: this host, a compiler, and source texts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use imprint_bootstrap::{Sources, compile_expression, compile_for};
use imprint_heap::Heap;
use imprint_host::LocalOutside;
use imprint_isa::{BehaviorName, MethodDraft, Miss, Name};
use imprint_model::family::PHARO;
use imprint_model::layout::behavior;
use imprint_vm::install::{MethodDictionary, Names, source_pointer};
use imprint_vm::{Answer, CompileRequest, Event, Outside, OutsideError};

/// The texts of an image's methods, by class and selector.
#[derive(Default)]
pub struct SourceBook {
    sources: Sources,
    pointers: HashMap<(BehaviorName, Name), u64>,
}

impl SourceBook {
    /// The texts of the methods in a heap, as their trailers name them.
    pub fn of(heap: &Heap, names: &Names, sources: Sources) -> SourceBook {
        let mut book = SourceBook {
            sources,
            pointers: HashMap::new(),
        };
        // Elsewhere what follows the bytecodes has other forms.
        let is_known = names.family == PHARO && !heap.bytecode_sets().v3;
        for name in names.class_names().filter(|_| is_known) {
            for meta in [false, true] {
                book.add_behavior(
                    heap,
                    names,
                    BehaviorName {
                        class: name.clone(),
                        meta,
                    },
                );
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
            let is_method = method.is_object() && heap.format(method).is_code();
            if let Some(text) = heap.string_text(selector).filter(|_| is_method) {
                self.pointers.insert(
                    (behavior.clone(), text.into()),
                    source_pointer(heap, method),
                );
            }
        }
    }

    /// The text of a method.
    pub fn text(&self, behavior: &BehaviorName, selector: &str) -> Option<String> {
        let pointer = self
            .pointers
            .get(&(behavior.clone(), Name::from(selector)))?;
        self.sources.at(*pointer)
    }

    /// The whole changes file.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    fn add(&mut self, draft: &MethodDraft, source: &str) {
        let pointer = self
            .sources
            .add(&draft.behavior.to_string(), &draft.protocol, source);
        self.pointers
            .insert((draft.behavior.clone(), draft.selector.clone()), pointer);
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
        if request.is_expression {
            return compile_expression(names, &request.source);
        }
        let draft = compile_for(names, &request.behavior, &request.protocol, &request.source)?;
        self.book.borrow_mut().add(&draft, &request.source);
        Ok(draft)
    }

    fn method_source(&mut self, behavior: &BehaviorName, selector: &str) -> Option<String> {
        self.book.borrow().text(behavior, selector)
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

    fn now_micros(&self) -> u64 {
        self.local.now_micros()
    }
}
