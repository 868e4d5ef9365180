//! Slot numbers of the kernel's objects that a virtual machine or builder reads raw (0-based,
//! Pharo's order).

/// Slots of every behaviour, class or metaclass.
pub mod behavior {
    /// The superclass, or nil.
    pub const SUPERCLASS: usize = 0;
    /// The MethodDictionary.
    pub const METHOD_DICTIONARY: usize = 1;
    /// The instance specification, a SmallInteger.
    pub const FORMAT: usize = 2;
    /// The layout object.
    pub const LAYOUT: usize = 3;
    /// The array of protocols.
    pub const PROTOCOLS: usize = 4;
    /// How many slots the virtual machine itself reads.
    pub const STRICT: usize = 3;
}

/// Slots of a class, after those of a behaviour.
pub mod class {
    /// Direct subclasses, an Array, or nil.
    pub const SUBCLASSES: usize = 5;
    /// The name, a Symbol.
    pub const NAME: usize = 6;
    /// The dictionary of class variables, or nil.
    pub const CLASS_POOL: usize = 7;
    /// Pools used, or nil.
    pub const SHARED_POOLS: usize = 8;
    /// The system environment.
    pub const ENVIRONMENT: usize = 9;
    /// Where the comment stands in the sources.
    pub const COMMENT_SOURCE_POINTER: usize = 10;
    /// The package tag.
    pub const PACKAGE_TAG: usize = 11;
    /// Number of slots before the class-side instance variables.
    pub const SIZE: usize = 12;
}

/// Slots of a metaclass, after those of a behaviour.
pub mod metaclass {
    /// Its only instance.
    pub const THIS_CLASS: usize = 5;
    /// Number of slots.
    pub const SIZE: usize = 6;
}

/// Slots of a method dictionary; the keys follow, inline.
pub mod method_dictionary {
    /// Number of entries.
    pub const TALLY: usize = 0;
    /// Array of the values, parallel to the keys.
    pub const ARRAY: usize = 1;
    /// The first key.
    pub const FIRST_KEY: usize = 2;
}

/// Slots of an association or binding.
pub mod association {
    /// The key.
    pub const KEY: usize = 0;
    /// The value.
    pub const VALUE: usize = 1;
    /// Of class variables and undeclared ones: the class that owns it.
    pub const OWNING_CLASS: usize = 2;

    /// Bindings of globals.
    pub const GLOBAL: &str = "GlobalVariable";
    /// Bindings of names that code uses before anybody defines them.
    pub const UNDECLARED: &str = "UndeclaredVariable";
    /// Bindings of class variables.
    pub const CLASS_VARIABLE: &str = "ClassVariable";
    /// Bindings that methods of metaclasses end with.
    pub const LITERAL: &str = "LiteralVariable";
    /// The names of all classes of bindings.
    pub const CLASSES: [&str; 4] = [GLOBAL, UNDECLARED, CLASS_VARIABLE, LITERAL];
}

/// Slots of a context; temporaries and operands follow.
pub mod context {
    /// The sender, nil, or (married) a frame pointer as a SmallInteger.
    pub const SENDER: usize = 0;
    /// The pc, a SmallInteger, nil where dead.
    pub const PC: usize = 1;
    /// Number of temporaries and operands.
    pub const STACK_POINTER: usize = 2;
    /// The compiled code.
    pub const METHOD: usize = 3;
    /// The closure, or nil.
    pub const CLOSURE: usize = 4;
    /// The receiver.
    pub const RECEIVER: usize = 5;
    /// The first temporary.
    pub const FIRST_TEMP: usize = 6;
}

/// Slots of a closure whose block lies inside its method (V3PlusClosures); copied values follow.
pub mod block_closure {
    /// The context it was made in, whose method and receiver are its own.
    pub const OUTER_CONTEXT: usize = 0;
    /// The pc of its first bytecode, as contexts count.
    pub const START_PC: usize = 1;
    /// Number of arguments, a SmallInteger.
    pub const ARGUMENT_COUNT: usize = 2;
    /// The first copied value.
    pub const FIRST_COPIED: usize = 3;
}

/// Slots of a full block closure; copied values follow.
pub mod closure {
    /// Classes of blocks that only answer a constant, by number of arguments; a block of more is no such.
    pub const CONSTANT_CLASSES: [&str; 4] = [
        "ConstantBlockClosure",
        "ConstantBlockClosure1Arg",
        "ConstantBlockClosure2Arg",
        "ConstantBlockClosure3Arg",
    ];
    /// The context it was made in, or nil.
    pub const OUTER_CONTEXT: usize = 0;
    /// The compiled block.
    pub const COMPILED_BLOCK: usize = 1;
    /// Number of arguments, a SmallInteger.
    pub const ARGUMENT_COUNT: usize = 2;
    /// The receiver of the home method.
    pub const RECEIVER: usize = 3;
    /// The first copied value.
    pub const FIRST_COPIED: usize = 4;
}

/// Slots of a process.
pub mod process {
    /// Next in its list.
    pub const NEXT_LINK: usize = 0;
    /// Where it goes on.
    pub const SUSPENDED_CONTEXT: usize = 1;
    /// 1 to 80.
    pub const PRIORITY: usize = 2;
    /// The list it is in, or nil.
    pub const MY_LIST: usize = 3;
    /// Its name.
    pub const NAME: usize = 4;
    /// Number of slots in Pharo.
    pub const SIZE: usize = 10;
}

/// Slots of the scheduler.
pub mod scheduler {
    /// Array of 80 ProcessLists.
    pub const LISTS: usize = 0;
    /// The process that runs.
    pub const ACTIVE_PROCESS: usize = 1;
}

/// Slots of a linked list; a semaphore is one.
pub mod linked_list {
    /// First link.
    pub const FIRST: usize = 0;
    /// Last link.
    pub const LAST: usize = 1;
    /// Of a semaphore: signals that nobody waited for.
    pub const EXCESS_SIGNALS: usize = 2;
}

/// Slots of a critical section, which is a list of processes first.
pub mod critical_section {
    /// The process that is inside; nil where none is.
    pub const OWNER: usize = 2;
}

/// Slots of a message.
pub mod message {
    /// The selector.
    pub const SELECTOR: usize = 0;
    /// The arguments, an Array.
    pub const ARGUMENTS: usize = 1;
    /// The class where lookup began.
    pub const LOOKUP_CLASS: usize = 2;
}

/// Slots of the additional state of a method; pragmas and properties follow.
pub mod additional_method_state {
    /// The method.
    pub const METHOD: usize = 0;
    /// The selector.
    pub const SELECTOR: usize = 1;
    /// The first pragma or property.
    pub const FIRST_PRAGMA: usize = 2;
}
