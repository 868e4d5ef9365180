//! Numbers inside objects of bytes: numbers 600 to 629, by 1-based byte offset, little-endian.

use imprint_model::{Format, Known, Oop};

use super::arguments::{
    argument, boolean, check_writable, known, number, object_receiver, signed_64, small_integer,
    unsigned_64,
};
use super::large_integers::new_narrow_integer;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// The receiver, raw, and the range of its bytes that `size` bytes from the offset take.
fn range(vm: &Vm, args: Args, size: usize) -> Result<(Oop, usize), Failure> {
    let receiver = object_receiver(vm, args)?;
    let format: Format = vm.heap.header(receiver).format();
    if !format.is_raw() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let offset = small_integer(vm, args, 0)?;
    let start = usize::try_from(offset - 1).map_err(|_| PrimitiveError::BadIndex)?;
    let end = start.checked_add(size).ok_or(PrimitiveError::BadIndex)?;
    if end > vm.heap.byte_count(receiver) {
        return Err(PrimitiveError::BadIndex.into());
    }
    Ok((receiver, start))
}

fn load<const SIZE: usize>(vm: &Vm, args: Args) -> Result<[u8; SIZE], Failure> {
    let (receiver, start) = range(vm, args, SIZE)?;
    let mut bytes = [0; SIZE];
    bytes.copy_from_slice(&vm.heap.bytes(receiver)[start..start + SIZE]);
    Ok(bytes)
}

fn store(vm: &mut Vm, args: Args, bytes: &[u8]) -> Result<Oop, Failure> {
    let (receiver, start) = range(vm, args, bytes.len())?;
    check_writable(vm, receiver)?;
    vm.heap.bytes_mut(receiver)[start..start + bytes.len()].copy_from_slice(bytes);
    argument(vm, args, 1)
}

macro_rules! integers {
    ($($load:ident $store:ident $type:ty, $read:ident;)*) => {
        $(
        #[doc = concat!("Reads a ", stringify!($type), ".")]
        ///
        /// # Errors
        /// Where the receiver is not raw, the offset is out of bounds, or space is missing.
        pub fn $load(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let value = <$type>::from_le_bytes(load(vm, args)?);
            new_narrow_integer(vm, i128::from(value))
        }

        #[doc = concat!("Writes a ", stringify!($type), ".")]
        ///
        /// # Errors
        /// Where the receiver is not raw or read-only, the offset is out of bounds, or the value
        /// does not fit.
        pub fn $store(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let oop = argument(vm, args, 1)?;
            let value = $read(vm, oop)
                .and_then(|value| <$type>::try_from(value).ok())
                .ok_or(PrimitiveError::BadArgument)?;
            store(vm, args, &value.to_le_bytes())
        })*
    };
}

integers! {
    load_u8 store_u8 u8, unsigned_64;
    load_i8 store_i8 i8, signed_64;
    load_u16 store_u16 u16, unsigned_64;
    load_i16 store_i16 i16, signed_64;
    load_u32 store_u32 u32, unsigned_64;
    load_i32 store_i32 i32, signed_64;
    load_u64 store_u64 u64, unsigned_64;
    load_i64 store_i64 i64, signed_64;
}

/// Reads a byte as a Boolean.
///
/// # Errors
/// Where the receiver is not raw, or the offset is out of bounds.
pub fn load_boolean_8(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let [byte] = load(vm, args)?;
    Ok(vm.heap.boolean(byte != 0))
}

/// Writes a Boolean as a byte.
///
/// # Errors
/// Where the receiver is not raw or read-only, the offset is out of bounds, or the value is no
/// Boolean.
pub fn store_boolean_8(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = boolean(vm, args, 1)?;
    store(vm, args, &[u8::from(value)])
}

macro_rules! characters {
    ($($load:ident $store:ident $type:ty;)*) => {
        $(
        #[doc = concat!("Reads a ", stringify!($type), " as a Character.")]
        ///
        /// # Errors
        /// Where the receiver is not raw, the offset is out of bounds, or there is no such
        /// Character.
        pub fn $load(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let code = u32::from(<$type>::from_le_bytes(load(vm, args)?));
            character(code)
        }

        #[doc = concat!("Writes a Character as a ", stringify!($type), ".")]
        ///
        /// # Errors
        /// Where the receiver is not raw or read-only, the offset is out of bounds, or the value
        /// is no Character that fits.
        pub fn $store(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let value = argument(vm, args, 1)?
                .as_character()
                .and_then(|code| <$type>::try_from(code).ok())
                .ok_or(PrimitiveError::BadArgument)?;
            store(vm, args, &value.to_le_bytes())
        })*
    };
}

characters! {
    load_char_8 store_char_8 u8;
    load_char_16 store_char_16 u16;
    load_char_32 store_char_32 u32;
}

/// Greatest code that a Character may have (30 bits, as Spur has it).
const CHARACTER_MAX: u32 = (1 << 30) - 1;

/// The Character of a code.
///
/// # Errors
/// Inappropriate where there is none.
pub fn character(code: u32) -> Result<Oop, Failure> {
    if code <= CHARACTER_MAX {
        Ok(Oop::character(code))
    } else {
        Err(PrimitiveError::Inappropriate.into())
    }
}

/// Reads a single-precision float.
///
/// # Errors
/// Where the receiver is not raw, the offset is out of bounds, or space is missing.
pub fn load_f32(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = f32::from_le_bytes(load(vm, args)?);
    Ok(vm.heap.new_float(f64::from(value))?)
}

/// Reads a double.
///
/// # Errors
/// As [`load_f32`].
pub fn load_f64(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = f64::from_le_bytes(load(vm, args)?);
    Ok(vm.heap.new_float(value)?)
}

fn float_argument(vm: &Vm, args: Args) -> Result<f64, Failure> {
    let oop = argument(vm, args, 1)?;
    number(vm, oop).ok_or(PrimitiveError::BadArgument.into())
}

/// Writes a number as a single-precision float, rounded.
///
/// # Errors
/// Where the receiver is not raw or read-only, the offset is out of bounds, or the value is no
/// Float or SmallInteger.
pub fn store_f32(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = float_argument(vm, args)? as f32;
    store(vm, args, &value.to_le_bytes())
}

/// Writes a number as a double.
///
/// # Errors
/// As [`store_f32`].
pub fn store_f64(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = float_argument(vm, args)?;
    store(vm, args, &value.to_le_bytes())
}

/// Reads a pointer as an ExternalAddress.
///
/// # Errors
/// Where the receiver is not raw, the offset is out of bounds, the image has no ExternalAddress,
/// or space is missing.
pub fn load_pointer(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let bytes: [u8; 8] = load(vm, args)?;
    let class = known(vm, Known::ExternalAddress).ok_or(PrimitiveError::Unsupported)?;
    let address = super::objects::instantiate(vm, class, bytes.len())?;
    vm.heap.bytes_mut(address).copy_from_slice(&bytes);
    Ok(address)
}

/// Writes an ExternalAddress as a pointer.
///
/// # Errors
/// Where the receiver is not raw or read-only, the offset is out of bounds, or the value is no
/// object of eight bytes.
pub fn store_pointer(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let bytes = super::arguments::bytes(vm, args, 1)?;
    let address: [u8; 8] = bytes.try_into().map_err(|_| PrimitiveError::BadArgument)?;
    store(vm, args, &address)
}
