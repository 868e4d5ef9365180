//! Lookup: what a selector means, found in the method dictionaries, and what stands there instead
//! of a method.
//!
//! ```text
//!  entry in a dictionary       what the send becomes
//!  compiled method             its activation
//!  ghost of a method           a miss, and the send again                    (design D7)
//!  any other object            run:with:in: to that object                   (design D14)
//!  a method whose variables    the same: it says why it does not run
//!  the receiver lacks
//!  none up to the root         doesNotUnderstand: to the receiver
//!  a class with no dictionary  cannotInterpret:, looked up above that class
//! ```

use imprint_heap::NeedsSpace;
use imprint_isa::Miss;
use imprint_isa::bytecode::primitive_call;
use imprint_isa::primitives::{self, QuickReturn};
use imprint_model::layout::{behavior, message, method_dictionary};
use imprint_model::{BytecodeSet, ClassIndex, Format, Known, MethodHeader, Oop};

use crate::cache::{Action, Entry};
use crate::handlers::closure::first_pc;
use crate::machine::Vm;
use crate::outcome::Outcome;
use crate::stop::Stop;

/// What a send turned out to be; the operands on the stack may be others than before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// What is done.
    pub entry: Entry,
    /// Number of arguments that are on the stack now.
    pub arguments: usize,
}

/// What stands in the dictionaries for a selector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lookup {
    /// A method.
    Method(Oop),
    /// Something else, in this class.
    Other { value: Oop, class: Oop },
    /// Nothing up to the root.
    Nothing,
    /// This class has no dictionary.
    NoDictionary(Oop),
}

/// Classes that are looked into before a chain of superclasses counts as a circle.
pub(crate) const SUPERCLASSES_MAX: usize = 10_000;

/// Tombstones that may be told while the telling of others goes on.
const STONES_NESTED_MAX: usize = 16;
/// Activations from one of them to the next, where it is the search for a handler that meets it.
const PLACES_BETWEEN_STONES: usize = 16;

impl Vm {
    /// What a selector means for a class: superclasses, ghosts and forwarders followed. Programs may
    /// write what they like into the slots of a class: the chain ends at what is no class, or where it
    /// is longer than any, and what is no method dictionary counts as none.
    ///
    /// # Errors
    /// A miss where a method has not come.
    pub(crate) fn lookup(&mut self, selector: Oop, class: Oop) -> Result<Lookup, Stop> {
        let mut class = self.heap.follow(class);
        for _ in 0..SUPERCLASSES_MAX {
            if !self.has_slots(class, behavior::STRICT) {
                break;
            }
            let Some((dictionary, methods)) = self.methods_of(class) else {
                return Ok(Lookup::NoDictionary(class));
            };
            if let Some(index) = self.index_in_dictionary(dictionary, selector) {
                return self.dictionary_value(methods, index, class, selector);
            }
            class = self.superclass_or_nil(class);
        }
        Ok(Lookup::Nothing)
    }

    /// The method dictionary of a class, and its array, which has a slot for each key.
    fn methods_of(&self, class: Oop) -> Option<(Oop, Oop)> {
        let dictionary = self.identity(self.heap.slot(class, behavior::METHOD_DICTIONARY));
        if !self.has_slots(dictionary, method_dictionary::FIRST_KEY) {
            return None;
        }
        let methods = self.identity(self.heap.slot(dictionary, method_dictionary::ARRAY));
        let capacity = self.heap.pointer_slot_count(dictionary) - method_dictionary::FIRST_KEY;
        self.has_slots(methods, capacity)
            .then_some((dictionary, methods))
    }

    fn index_in_dictionary(&self, dictionary: Oop, selector: Oop) -> Option<usize> {
        let capacity = self.heap.pointer_slot_count(dictionary) - method_dictionary::FIRST_KEY;
        let mask = capacity.wrapping_sub(1);
        let mut index = self.heap.header(selector).hash() as usize & mask;
        for _ in 0..capacity {
            let key = self
                .heap
                .slot(dictionary, method_dictionary::FIRST_KEY + index);
            if key == selector {
                return Some(index);
            }
            if key == self.heap.nil() {
                return None;
            }
            index = (index + 1) & mask;
        }
        None
    }

    fn dictionary_value(
        &mut self,
        array: Oop,
        index: usize,
        class: Oop,
        selector: Oop,
    ) -> Result<Lookup, Stop> {
        let raw = self.heap.slot(array, index);
        let value = self.identity(raw);
        if value != raw {
            self.heap.store(array, index, value);
        }
        if let Some(ghost) = value.as_ghost() {
            let behavior = self.behavior_name(class);
            let selector = self.heap.string_text(selector).unwrap_or_default().into();
            return Err(Miss::Method {
                behavior,
                selector,
                ghost,
            }
            .into());
        }
        if value.is_object() && self.heap.format(value).is_code() {
            return Ok(Lookup::Method(value));
        }
        Ok(Lookup::Other { value, class })
    }

    /// What a send means whose operands are on the stack. On success the operands are those of the
    /// found entry; otherwise nothing changed but that a ghost may be healed.
    pub(crate) fn find(
        &mut self,
        selector: Oop,
        class_index: u32,
        arguments: usize,
    ) -> Result<Found, Stop> {
        let class_index = match class_index {
            ClassIndex::GHOST | ClassIndex::FORWARDER => self.heal_receiver(arguments)?,
            present => present,
        };
        let class = match self.heap.class_at(class_index) {
            Some(class) => class,
            None => return Err(Miss::ClassIndex(class_index).into()),
        };
        match self.lookup(selector, class)? {
            Lookup::Method(method) if !self.suits(method, class) => {
                self.run_unsuited(method, class, selector, arguments)
            }
            Lookup::Method(method) => self.enter_method(selector, class_index, method, arguments),
            Lookup::Other { value, class } => self.run_object(value, class, selector, arguments),
            Lookup::Nothing => self.not_understood(selector, class, arguments),
            Lookup::NoDictionary(at) => self.cannot_interpret(selector, class, at, arguments),
        }
    }

    /// Puts the object itself where the receiver is a ghost or forwarder; answers its class index.
    fn heal_receiver(&mut self, arguments: usize) -> Result<u32, Stop> {
        let index = self.stack.top_index(self.stack.active()) - arguments;
        let receiver = self.stack.word(index);
        let healed = self.identity(receiver);
        if let Some(ghost) = healed.as_ghost() {
            return Err(Miss::Object(ghost).into());
        }
        if receiver.is_ghost() {
            self.presence.note_meeting();
        }
        self.stack.set_word(index, healed);
        Ok(self.heap.class_index_of(healed))
    }

    /// Enters what was found into the cache, and marks it.
    fn enter_method(
        &mut self,
        selector: Oop,
        class_index: u32,
        method: Oop,
        arguments: usize,
    ) -> Result<Found, Stop> {
        let entry = self.entry_of(selector, class_index, method, arguments)?;
        self.touch(method);
        if self.settings.caches {
            self.cache.fill(entry);
        }
        Ok(Found { entry, arguments })
    }

    /// What the activation of a method is.
    pub(crate) fn entry_of(
        &self,
        selector: Oop,
        class_index: u32,
        method: Oop,
        arguments: usize,
    ) -> Result<Entry, Stop> {
        let header = self
            .heap
            .method_header(method)
            .filter(|header| usize::from(header.argument_count) == arguments);
        let Some(header) = header else {
            let what = format!("{} has not {arguments} arguments", self.method_name(method));
            return Err(Stop::Done(Outcome::Corrupt(what)));
        };
        if !self.loop_sets.has(header.set) {
            return Err(Stop::OtherBytecodes(header.set));
        }
        let mut entry = Entry {
            selector,
            class_index,
            temps: header.temp_count.saturating_sub(header.argument_count),
            skip: 0,
            method,
            pc: first_pc(method, header),
            action: Action::Activate,
        };
        if header.has_primitive {
            entry.pc = entry.pc.wrapping_add(PRIMITIVE_CALL_BYTES);
            self.bind_primitive(&mut entry, method, header);
        }
        if matches!(entry.action, Action::Activate) && !header.has_primitive {
            entry.action = self.action_of_code(&entry, header);
        }
        Ok(entry)
    }

    fn bind_primitive(&self, entry: &mut Entry, method: Oop, header: MethodHeader) {
        let Some(number) = self.primitive_number(method) else {
            return;
        };
        if let Some(quick) = QuickReturn::from_number(number) {
            entry.action = self.quick_action(quick);
            return;
        }
        let arguments = usize::from(header.argument_count);
        if number == primitives::NAMED_PRIMITIVE {
            self.bind_named(entry, method, arguments);
            return;
        }
        let numbering = self.names.family.numbering;
        let is_meant = primitives::is_assigned(number, numbering);
        let row = primitives::numbered(number).filter(|row| is_meant && row.takes(arguments));
        let Some(row) = row else {
            return;
        };
        entry.skip = u8::from(row.is_mirror(arguments));
        if let Some(primitive) = crate::primitives::value_primitive(number) {
            let is_watched = entry.class_index == ClassIndex::CONTEXT;
            entry.action = if is_watched {
                Action::Watched(primitive)
            } else {
                Action::Value(primitive)
            };
        } else if let Some(primitive) = crate::control::control_primitive(number) {
            let is_closure = entry.class_index == ClassIndex::FULL_BLOCK_CLOSURE;
            entry.action = if is_closure && primitives::is_block_value(number) {
                Action::Evaluate(primitive)
            } else {
                Action::Control(primitive)
            };
        }
    }

    /// What the code of a method comes to, where that is less than a frame is worth.
    fn action_of_code(&self, entry: &Entry, header: MethodHeader) -> Action {
        let is_sista = header.set == BytecodeSet::SistaV1;
        if !is_sista || entry.class_index == ClassIndex::CONTEXT || entry.temps > 0 {
            return Action::Activate;
        }
        match (header.argument_count, self.heap.code_bytes(entry.method)) {
            (0, [opcode @ 16..=31, 92, ..]) => Action::ReturnBinding(u32::from(opcode & 15)),
            (0, [opcode @ 32..=63, 92, ..]) => Action::ReturnLiteral(u32::from(opcode & 31)),
            (1, [64, opcode @ 200..=207, 88, ..]) => Action::StoreField(u32::from(opcode & 7)),
            (1, [64, 240, index, 88, ..]) => Action::StoreField(u32::from(*index)),
            _ => Action::Activate,
        }
    }

    fn bind_named(&self, entry: &mut Entry, method: Oop, arguments: usize) {
        let Some((module, name)) = self.named_primitive_of(method) else {
            return;
        };
        let Some(primitive) = self.modules.find(&module, &name) else {
            return;
        };
        let row = primitives::of_module(&module, &name);
        entry.skip = u8::from(row.is_some_and(|row| row.is_mirror(arguments)));
        entry.action = Action::Watched(primitive.function);
    }

    /// Module and name in the first literal of a method that calls a named primitive.
    pub(crate) fn named_primitive_of(&self, method: Oop) -> Option<(String, String)> {
        if self.heap.literal_count(method) == 0 {
            return None;
        }
        let spec = self.heap.literal(method, 0);
        if !spec.is_object()
            || !self.heap.format(spec).is_pointers()
            || self.heap.slot_count(spec) < 2
        {
            return None;
        }
        let text = |index| {
            let part = self.heap.slot(spec, index);
            if part == self.heap.nil() {
                Some(String::new())
            } else {
                self.heap.string_text(part)
            }
        };
        Some((text(0)?, text(1)?))
    }

    fn quick_action(&self, quick: QuickReturn) -> Action {
        match quick {
            QuickReturn::Receiver => Action::ReturnReceiver,
            QuickReturn::True => Action::Return(self.heap.true_object()),
            QuickReturn::False => Action::Return(self.heap.false_object()),
            QuickReturn::Nil => Action::Return(self.heap.nil()),
            QuickReturn::Integer(value) => Action::Return(Oop::small(value)),
            QuickReturn::Field(index) => Action::ReturnField(u32::from(index)),
        }
    }

    /// The number of the primitive that a method calls first.
    pub(crate) fn primitive_number(&self, method: Oop) -> Option<u16> {
        let header = self.heap.method_header(method)?;
        match self.heap.code_bytes(method) {
            [opcode, low, high, ..]
                if header.has_primitive && *opcode == primitive_call(header.set) =>
            {
                Some(u16::from(*low) | u16::from(*high & 127) << 8)
            }
            _ => None,
        }
    }

    /// The arguments on the stack as an Array. Space was reserved.
    fn arguments_array(&mut self, arguments: usize) -> Result<Oop, NeedsSpace> {
        let array = self
            .heap
            .allocate(ClassIndex::ARRAY, Format::ARRAY, arguments)?;
        let first = self.stack.top_index(self.stack.active()) + 1 - arguments;
        for index in 0..arguments {
            self.heap
                .store(array, index, self.stack.word(first + index));
        }
        Ok(array)
    }

    /// A Message of the send whose arguments are on the stack.
    fn new_message(&mut self, selector: Oop, class: Oop, arguments: usize) -> Result<Oop, Stop> {
        let message_class = self.heap.class_at(ClassIndex::MESSAGE);
        let message_class = message_class.ok_or(Miss::ClassIndex(ClassIndex::MESSAGE))?;
        let (format, slots) = self
            .heap
            .instance_shape(message_class, 0)
            .map_err(|error| Stop::Done(Outcome::Corrupt(format!("class Message: {error}"))))?;
        let array = self.arguments_array(arguments)?;
        let oop = self.heap.allocate(ClassIndex::MESSAGE, format, slots)?;
        let values = [
            (message::SELECTOR, selector),
            (message::ARGUMENTS, array),
            (message::LOOKUP_CLASS, class),
        ];
        for (index, value) in values.into_iter().filter(|(index, _)| *index < slots) {
            self.heap.store(oop, index, value);
        }
        Ok(oop)
    }

    /// Replaces the arguments on the stack.
    fn replace_arguments(&mut self, count: usize, by: &[Oop]) {
        let page = self.stack.active();
        self.stack.drop_words(page, count);
        for oop in by {
            self.stack.push(page, *oop);
        }
    }

    fn not_understood(
        &mut self,
        selector: Oop,
        class: Oop,
        arguments: usize,
    ) -> Result<Found, Stop> {
        let handler = self.known_selector(Known::DoesNotUnderstand)?;
        let method = match self.lookup(handler, class)? {
            Lookup::Method(method) if self.suits(method, class) => method,
            Lookup::Other { value, class } => {
                return self.not_understood_by_stand_in(value, selector, class, arguments);
            }
            Lookup::Method(_) | Lookup::Nothing | Lookup::NoDictionary(_) => {
                let text = self.heap.string_text(selector).unwrap_or_default();
                let error = Some(format!(
                    "{} does not understand #{text}",
                    self.behavior_name(class)
                ));
                return Err(Stop::Done(Outcome::Terminated { error }));
            }
        };
        let class_index = self.heap.ensure_class_index(class);
        let message = self.new_message(selector, class, arguments)?;
        self.replace_arguments(arguments, &[message]);
        self.enter_method(handler, class_index, method, 1)
    }

    /// What lies under `doesNotUnderstand:` is no method: the class stands for one that was pruned.
    fn not_understood_by_stand_in(
        &mut self,
        value: Oop,
        selector: Oop,
        class: Oop,
        arguments: usize,
    ) -> Result<Found, Stop> {
        let receiver = self
            .stack
            .word(self.stack.top_index(self.stack.active()) - arguments);
        self.want_stand_in(receiver, class)?;
        if self.runner_of(value)?.is_none() {
            return Err(Stop::Done(self.pruned_object(class, arguments)));
        }
        let message = self.new_message(selector, class, arguments)?;
        let handler = self.known_selector(Known::DoesNotUnderstand)?;
        self.replace_arguments(arguments, &[message]);
        self.run_object(value, class, handler, 1)
    }

    /// The method by which an object in a dictionary runs in place of a method.
    fn runner_of(&mut self, value: Oop) -> Result<Option<Oop>, Stop> {
        let handler = self.known_selector(Known::RunWithIn)?;
        let class_index = self.heap.class_index_of(value);
        let class = self
            .heap
            .class_at(class_index)
            .ok_or(Miss::ClassIndex(class_index))?;
        match self.lookup(handler, class)? {
            Lookup::Method(method) => Ok(Some(method)),
            _ => Ok(None),
        }
    }

    fn cannot_interpret(
        &mut self,
        selector: Oop,
        class: Oop,
        at: Oop,
        arguments: usize,
    ) -> Result<Found, Stop> {
        let handler = self.known_selector(Known::CannotInterpret)?;
        let above = self.superclass_or_nil(at);
        let Lookup::Method(method) = self.lookup(handler, above)? else {
            let what = format!("{} has no method dictionary", self.behavior_name(at));
            return Err(Stop::Done(Outcome::Corrupt(what)));
        };
        let message = self.new_message(selector, class, arguments)?;
        self.replace_arguments(arguments, &[message]);
        self.touch(method);
        let entry = self.entry_of(handler, 0, method, 1)?;
        Ok(Found {
            entry,
            arguments: 1,
        })
    }

    /// The object in the dictionary is asked to run in place of a method.
    fn run_object(
        &mut self,
        value: Oop,
        class: Oop,
        selector: Oop,
        arguments: usize,
    ) -> Result<Found, Stop> {
        self.want_method(value, class, selector)?;
        let Some(method) = self.runner_of(value)? else {
            return Err(Stop::Done(self.pruned(class, selector)));
        };
        if self.is_nested_deeply(method) {
            return Err(Stop::Done(self.pruned(class, selector)));
        }
        self.run_with_in(value, method, selector, arguments)
    }

    /// Sends `run:with:in:` to what stands in a dictionary; `runner` is its method for that.
    fn run_with_in(
        &mut self,
        value: Oop,
        runner: Oop,
        selector: Oop,
        arguments: usize,
    ) -> Result<Found, Stop> {
        let handler = self.known_selector(Known::RunWithIn)?;
        let class_index = self.heap.class_index_of(value);
        let array = self.arguments_array(arguments)?;
        let page = self.stack.active();
        let receiver = self.stack.word(self.stack.top_index(page) - arguments);
        self.replace_arguments(arguments + 1, &[value, selector, array, receiver]);
        self.enter_method(handler, class_index, runner, 3)
    }

    /// A method that names variables which the receiver lacks is asked to run itself, which says so; in an
    /// image without words for that the receiver does not understand.
    fn run_unsuited(
        &mut self,
        method: Oop,
        class: Oop,
        selector: Oop,
        arguments: usize,
    ) -> Result<Found, Stop> {
        match self.runner_of(method)? {
            Some(runner) if self.suits(runner, self.heap.class_of(method)) => {
                self.run_with_in(method, runner, selector, arguments)
            }
            _ => self.not_understood(selector, class, arguments),
        }
    }

    /// Whether so many activations of a method wait for each other that none of them will get an
    /// answer: what tells that something was pruned needs something that was pruned itself.
    fn is_nested_deeply(&self, method: Oop) -> bool {
        let mut next = Some(self.active_place());
        let mut nested = 0;
        for _ in 0..STONES_NESTED_MAX * PLACES_BETWEEN_STONES {
            let Some(place) = next else { break };
            nested += usize::from(self.method_of(place) == method);
            next = self.sender(place);
        }
        nested >= STONES_NESTED_MAX
    }

    /// Says what was pruned where the image has no words for it.
    fn pruned(&mut self, class: Oop, selector: Oop) -> Outcome {
        let behavior = self.behavior_name(class);
        let text = self.heap.string_text(selector).unwrap_or_default();
        self.outside.pruned(&behavior, &text);
        let sentence = format!("{behavior}>>{text} was not exercised, so it is not in this image.");
        Outcome::Pruned { sentence }
    }

    /// The same of an object, or of an instance of a class, that was pruned as a whole.
    fn pruned_object(&mut self, class: Oop, arguments: usize) -> Outcome {
        let page = self.stack.active();
        let receiver = self.stack.word(self.stack.top_index(page) - arguments);
        let name = self.stand_in_name(receiver, class);
        self.outside.pruned_object(name.as_deref());
        let what = name.unwrap_or_else(|| "an object".to_string());
        let sentence = format!("{what} was not exercised, so it is not in this image.");
        Outcome::Pruned { sentence }
    }

    /// The object that an oop stands for as far as it is here: present ghosts healed, forwarders
    /// followed.
    #[inline]
    pub fn identity(&self, oop: Oop) -> Oop {
        let healed = self.presence.heal(oop);
        if healed.is_object() {
            self.heap.follow(healed)
        } else {
            healed
        }
    }

    /// A selector that the machine sends, from the special objects, or by its text where they do
    /// not have it.
    ///
    /// # Errors
    /// Where there is no space for a new symbol.
    pub(crate) fn known_selector(&mut self, known: Known) -> Result<Oop, NeedsSpace> {
        let selector = self.heap.known(known);
        if selector != self.heap.nil() {
            return Ok(selector);
        }
        self.heap.intern(known.text().trim_start_matches('#'))
    }
}

/// Bytes of the bytecode that calls a primitive, in both sets.
const PRIMITIVE_CALL_BYTES: usize = 3;
