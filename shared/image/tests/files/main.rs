//! Tests of image files: what is written reads back, every cut and change of a compact image is
//! refused, every damage of a Spur image is refused or harmless, and files are functions of what
//! they hold.

mod certificates;
mod compact;
mod damage;
mod foreign;
mod narrow;
mod spur;
mod world;
