//! `master eval EXPR`: an expression in the embedded image.

use imprint_slave::ending::code;
use imprint_vm::CommandLine;

use super::finish;
use crate::cache;
use crate::command_line::{Eval, Failure};
use crate::full_image::LiveImage;
use crate::project::LoadedSources;

/// Evaluates and prints.
///
/// # Errors
/// Where the sources or the expression do not compile.
pub fn eval(eval: &Eval) -> Result<u8, Failure> {
    let command_line = CommandLine::default();
    let mut image = match &eval.load {
        Some(folder) => LiveImage::build(&LoadedSources::project(folder)?, command_line)?,
        None => cache::embedded_image(command_line)?,
    };
    print_value(&mut image, &eval.expression)
}

/// Evaluates in an image and prints the value.
///
/// # Errors
/// Where the expression does not compile.
pub fn print_value(image: &mut LiveImage, expression: &str) -> Result<u8, Failure> {
    match image.print(expression)? {
        Ok(text) => {
            imprint_report::print(&text);
            Ok(code::DONE)
        }
        Err(outcome) => Ok(finish(&outcome)),
    }
}
