//! Primitives by module and name: the rows of number 117, and the table as a document.
//!
//! Modules other than the virtual machine's own ('', `LargeIntegers`, `MiscPrimitivePlugin`,
//! `ImprintPlugin`) are what a host registers; their rows stand here all the same, since depths
//! must be known wherever code is verified.

use super::{
    CONTROL_PRIMITIVES, Kind, ModulePrimitive, NumberedPrimitive, QuickReturn, VALUE_PRIMITIVES,
};

macro_rules! module_rows {
    ($($module:literal { $($name:ident [$($depth:literal),*] $optional:literal;)* })*) => {
        &[$($(ModulePrimitive {
            module: $module,
            name: stringify!($name),
            operands: &[$($depth),*],
            optional: $optional,
        }),*),*]
    };
}

/// All primitives by module and name, grouped by module.
pub const MODULE_PRIMITIVES: &[ModulePrimitive] = module_rows! {
    "" {
        primitiveDisableModuleLoading [0] 0;
        primitiveGetCurrentWorkingDirectory [0, 0] 1;
        primitiveGetenv [0, 1] 0;
        primitiveHighResClock [0] 0;
        primitiveImageFormatVersion [0] 0;
        primitiveInterpreterSourceVersion [0] 0;
        primitivePlatformSourceVersion [0] 0;
        primitiveSetGCBiasToGrowGCLimit [0, 1] 0;
        primitiveSetGCSemaphore [0, 1] 0;
        primitiveVMVersion [0] 0;
    }
    "LargeIntegers" {
        primAnyBitFromTo [1, 1, 1] 0;
        primDigitAdd [1, 1] 0;
        primDigitBitAnd [1, 1] 0;
        primDigitBitOr [1, 1] 0;
        primDigitBitShiftMagnitude [1, 1] 0;
        primDigitBitXor [1, 1] 0;
        primDigitCompare [1, 1] 0;
        primDigitDivNegative [1, 1, 1] 0;
        primDigitMultiplyNegative [1, 1, 1] 0;
        primDigitSubtract [1, 1] 0;
        primMontgomeryDigitLength [0] 0;
        primMontgomeryTimesModulo [1, 1, 1, 1] 0;
        primNormalizeNegative [1] 0;
        primNormalizePositive [1] 0;
    }
    "MiscPrimitivePlugin" {
        primitiveCompareString [0, 1, 1, 1] 0;
        primitiveFindFirstInString [0, 1, 1, 1] 0;
        primitiveFindSubstring [0, 1, 1, 1, 1] 0;
        primitiveIndexOfAsciiInString [0, 1, 1, 1] 0;
        primitiveStringHash [0, 1, 1] 0;
        primitiveTranslateStringWithTable [0, 1, 1, 1, 1] 0;
    }
    "FloatArrayPlugin" {
        primitiveAt [1, 1] 0;
        primitiveAtPut [1, 1, 1] 0;
    }
    "ImprintPlugin" {
        primitiveCompile [1, 1, 1] 0;
        primitiveInternSymbol [1] 0;
        primitiveMethodSource [1] 0;
        primitiveMethodStamp [1] 0;
        primitiveNeedsNoIdle [0] 0;
        primitiveParseFloat [1] 0;
        primitiveParseHttpHead [1] 0;
        primitivePrintFloat [1] 0;
        primitivePrintInteger [1, 1] 1;
        primitivePruned [0, 1, 1] 1;
        primitivePrunedObject [0, 1] 0;
        primitivePrunedUnhandled [0] 0;
        primitiveSha256Block [0, 1, 1] 0;
        primitiveStackText [0, 1] 0;
        primitiveSetTerminationSemaphore [1] 0;
    }
    "FilePlugin" {
        primitiveConnectToFile [0, 1, 0] 0;
        primitiveConnectToFileDescriptor [0, 1, 0] 0;
        primitiveDirectoryCreate [0, 1] 0;
        primitiveDirectoryDelete [0, 1] 0;
        primitiveDirectoryDelimitor [0] 0;
        primitiveDirectoryEntry [0, 1, 1] 0;
        primitiveDirectoryGetMacTypeAndCreator [0, 1, 1, 1] 0;
        primitiveDirectoryLookup [0, 1, 1] 0;
        primitiveFileAtEnd [0, 1] 0;
        primitiveFileClose [0, 1] 0;
        primitiveFileDelete [0, 1] 0;
        primitiveFileDescriptorType [0, 1] 0;
        primitiveFileFlush [0, 1] 0;
        primitiveFileGetPosition [0, 1] 0;
        primitiveFileOpen [0, 1, 0] 0;
        primitiveFileRead [0, 1, 1, 1, 1] 0;
        primitiveFileRename [0, 1, 1] 0;
        primitiveFileSetPosition [0, 1, 1] 0;
        primitiveFileSize [0, 1] 0;
        primitiveFileStdioHandles [0] 0;
        primitiveFileSync [0, 1] 0;
        primitiveFileTruncate [0, 1, 1] 0;
        primitiveFileWrite [0, 1, 1, 1, 1] 0;
        primitiveWaitForDataWithSemaphore [0, 1, 1] 0;
    }
    "FileAttributesPlugin" {
        primitiveChangeMode [0, 1, 1] 0;
        primitiveChangeOwner [0, 1, 1, 1] 0;
        primitiveClosedir [0, 1] 0;
        primitiveFileAttribute [0, 1, 1] 0;
        primitiveFileAttributes [0, 1, 1] 0;
        primitiveFileExists [0, 1] 0;
        primitiveFileMasks [0] 0;
        primitiveLogicalDrives [0] 0;
        primitiveOpendir [0, 1] 0;
        primitivePathMax [0] 0;
        primitivePlatToStPath [0, 1] 0;
        primitiveReaddir [0, 1] 0;
        primitiveRewinddir [0, 1] 0;
        primitiveStToPlatPath [0, 1] 0;
        primitiveSymlinkChangeOwner [0, 1, 1, 1] 0;
        primitiveVersionString [0] 0;
    }
    "SocketPlugin" {
        primitiveInitializeNetwork [0, 1] 0;
        primitiveResolverAbortLookup [0] 0;
        primitiveResolverAddressLookupResult [0] 0;
        primitiveResolverError [0] 0;
        primitiveResolverHostNameResult [0, 1] 0;
        primitiveResolverHostNameSize [0] 0;
        primitiveResolverLocalAddress [0] 0;
        primitiveResolverNameLookupResult [0] 0;
        primitiveResolverStartAddressLookup [0, 1] 0;
        primitiveResolverStartNameLookup [0, 1] 0;
        primitiveResolverStatus [0] 0;
        primitiveSocketAbortConnection [0, 1] 0;
        primitiveSocketAccept [0, 1, 1, 1, 1] 0;
        primitiveSocketAccept3Semaphores [0, 1, 1, 1, 1, 1, 1] 0;
        primitiveSocketBindToPort [0, 1, 1, 1] 0;
        primitiveSocketCloseConnection [0, 1] 0;
        primitiveSocketConnectToPort [0, 1, 1, 1] 0;
        primitiveSocketConnectionStatus [0, 1] 0;
        primitiveSocketCreate [0, 1, 1, 1, 1, 1] 0;
        primitiveSocketCreate3Semaphores [0, 1, 1, 1, 1, 1, 1, 1] 0;
        primitiveSocketDestroy [0, 1] 0;
        primitiveSocketError [0, 1] 0;
        primitiveSocketGetOptions [0, 1, 1] 0;
        primitiveSocketListenOnPort [0, 1, 1] 0;
        primitiveSocketListenOnPortBacklog [0, 1, 1, 1] 0;
        primitiveSocketListenOnPortBacklogInterface [0, 1, 1, 1, 1] 0;
        primitiveSocketListenWithBacklog [0, 1, 1] 0;
        primitiveSocketListenWithOrWithoutBacklog [0, 1, 1, 1] 1;
        primitiveSocketLocalAddress [0, 1] 0;
        primitiveSocketLocalPort [0, 1] 0;
        primitiveSocketReceiveDataAvailable [0, 1] 0;
        primitiveSocketReceiveDataBufCount [0, 1, 1, 1, 1] 0;
        primitiveSocketReceiveUDPDataBufCount [0, 1, 1, 1, 1] 0;
        primitiveSocketRemoteAddress [0, 1] 0;
        primitiveSocketRemotePort [0, 1] 0;
        primitiveSocketSendDataBufCount [0, 1, 1, 1, 1] 0;
        primitiveSocketSendDone [0, 1] 0;
        primitiveSocketSendUDPDataBufCount [0, 1, 1, 1, 1, 1, 1] 0;
        primitiveSocketSetOptions [0, 1, 1, 1] 0;
    }
    "UUIDPlugin" {
        primitiveMakeUUID [1] 0;
    }
    "MD5Plugin" {
        primitivePluginAvailable [0] 0;
        primitiveProcessBufferWithState [0, 1, 1] 0;
    }
    "DSAPrims" {
        primitiveExpandBlock [0, 1, 1] 0;
        primitiveHasSecureHashPrimitive [0] 0;
        primitiveHashBlock [0, 1, 1] 0;
    }
    "ZipPlugin" {
        primitiveUpdateAdler32 [0, 1, 1, 1, 1] 0;
        primitiveUpdateGZipCrc32 [0, 1, 1, 1, 1] 0;
    }
    "SecurityPlugin" {
        primitiveGetUntrustedUserDirectory [0] 0;
    }
    "LocalePlugin" {
        primitiveCountry [0] 0;
        primitiveDaylightSavings [0] 0;
        primitiveLanguage [0] 0;
        primitiveMeasurementMetric [0] 0;
        primitiveTimezoneOffset [0] 0;
        primitiveVMOffsetToUTC [0] 0;
    }
};

/// The row of a primitive by module and name.
pub fn of_module(module: &str, name: &str) -> Option<&'static ModulePrimitive> {
    MODULE_PRIMITIVES
        .iter()
        .find(|row| row.module == module && row.name == name)
}

/// Whether code may name this primitive: what the verifier asks. A name that no host has is no
/// fault of the code: it fails when it is called.
pub fn is_known_in_module(module: &str, name: &str) -> bool {
    of_module(module, name).is_some()
}

/// Both tables as a Markdown page.
pub fn documentation() -> String {
    let mut page =
        String::from("| number | kind | name | depths | what |\n|---|---|---|---|---|\n");
    let mut rows: Vec<&NumberedPrimitive> =
        VALUE_PRIMITIVES.iter().chain(CONTROL_PRIMITIVES).collect();
    rows.sort_by_key(|row| row.number);
    for row in rows {
        page += &format!(
            "| {} | {:?} | {} | {} | {} |\n",
            row.number,
            row.kind,
            row.name,
            depths(row.operands),
            row.doc.replace('|', "\\|"),
        );
    }
    page += &format!(
        "| 256-519 | {:?} | quick returns | 0 | {:?} to {:?} |\n",
        Kind::Quick,
        QuickReturn::Receiver,
        QuickReturn::Field(u8::MAX),
    );
    page += "\n| module | name | depths |\n|---|---|---|\n";
    for row in MODULE_PRIMITIVES {
        page += &format!(
            "| '{}' | {} | {} |\n",
            row.module,
            row.name,
            depths(row.operands)
        );
    }
    page
}

fn depths(operands: &[u8]) -> String {
    operands
        .iter()
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice_in_a_module() {
        for (position, row) in MODULE_PRIMITIVES.iter().enumerate() {
            let first = MODULE_PRIMITIVES
                .iter()
                .position(|other| other.module == row.module && other.name == row.name);
            assert_eq!(first, Some(position), "{}", row.name);
            assert!(row.operands.len() > row.optional as usize, "{}", row.name);
        }
    }

    #[test]
    fn lookup_is_by_module_and_name() {
        assert!(is_known_in_module("FilePlugin", "primitiveFileOpen"));
        assert!(!is_known_in_module("", "primitiveFileOpen"));
        let write = of_module("FilePlugin", "primitiveFileWrite").expect("it is in the table");
        assert_eq!(write.arguments_max(), 4);
    }

    #[test]
    fn the_document_has_a_line_for_each_row() {
        let page = documentation();
        let expected = VALUE_PRIMITIVES.len() + CONTROL_PRIMITIVES.len() + MODULE_PRIMITIVES.len();
        assert_eq!(page.lines().count(), expected + 6);
    }
}
