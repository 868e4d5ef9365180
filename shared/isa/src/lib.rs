//! The instruction set and the portable form of code and data.
//!
//! Two kinds of thing live here, both without a heap. Tables: the bytecodes of Sista V1, the
//! special selectors, the primitives; encoder, decoder and disassembler are derived from them.
//! And the *draft*, the one value in which code and data are compiled, sent, stored, logged and
//! replayed; its canonical bytes, whose BLAKE3 is its identity; and the verifier that looks at a
//! draft before anybody installs it.
//!
//! Reading order: [`draft`], [`draft_bytes`], [`package`], [`compile_request`], [`bytecode`], [`encoder`],
//! [`expression`], [`special_selectors`], [`primitives`], [`disassembler`], [`verifier`], [`adaptation`],
//! [`sends`], [`mentions`].

pub mod adaptation;
pub mod bytecode;
pub mod compile_request;
pub mod disassembler;
pub mod draft;
pub mod draft_bytes;
pub mod encoder;
pub mod expression;
pub mod mentions;
pub mod package;
pub mod primitives;
pub mod sends;
pub mod special_selectors;
pub mod v3_plus_closures;
pub mod verifier;

pub use bytecode::Instruction;
pub use compile_request::{CompileRequest, Surroundings};
pub use draft::{
    BehaviorName, Body, ClassDraft, CodeBody, Draft, LocalObject, MetaDraft, MethodDraft,
    MethodEntry, Miss, Name, ObjectDraft, Placed, Ref,
};
pub use package::{Need, NeedKind, Package, PackagedClass, PackagedMethod};
