//! Rows of Arrow IPC files and streams.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType};

use super::{Columns, Reader};
use crate::error::Source;
use crate::value::Value;

/// What a file begins with; a stream does not.
const MAGIC: &[u8; 6] = b"ARROW1";

/// All rows of all record batches, read a batch at a time.
///
/// # Errors
/// When the schema cannot be read.
pub(super) fn rows(mut file: File) -> Result<Reader, Source> {
    let mut start = [0; MAGIC.len()];
    let is_file = file.read_exact(&mut start).is_ok() && start == *MAGIC;
    file.seek(SeekFrom::Start(0))?;
    let input = BufReader::new(file);
    if is_file {
        Ok(rows_of(FileReader::try_new(input, None)?))
    } else {
        Ok(rows_of(StreamReader::try_new(input, None)?))
    }
}

fn rows_of(batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + 'static) -> Reader {
    Box::new(batches.flat_map(|batch| -> Reader {
        match batch {
            Ok(batch) => {
                let fields = batch.schema();
                let names: Vec<Arc<str>> =
                    fields.fields().iter().map(|field| field.name().as_str().into()).collect();
                let rows = (0..batch.num_rows()).map(move |row| Ok(columns(&batch, &names, row)));
                Box::new(rows)
            }
            Err(error) => Box::new(std::iter::once(Err(error.into()))),
        }
    }))
}

fn columns(batch: &RecordBatch, names: &[Arc<str>], row: usize) -> Columns {
    let values = batch.columns().iter().map(|column| value(column, row));
    names.iter().cloned().zip(values).collect()
}

fn value(array: &dyn Array, row: usize) -> Value {
    macro_rules! integer {
        ($kind:ty) => {
            Value::Integer(array.as_primitive::<$kind>().value(row).into())
        };
    }
    macro_rules! list {
        ($list:expr) => {{
            let items = $list.value(row);
            Value::List((0..items.len()).map(|item| value(&items, item)).collect())
        }};
    }
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => integer!(Int8Type),
        DataType::Int16 => integer!(Int16Type),
        DataType::Int32 => integer!(Int32Type),
        DataType::Int64 => integer!(Int64Type),
        DataType::UInt8 => integer!(UInt8Type),
        DataType::UInt16 => integer!(UInt16Type),
        DataType::UInt32 => integer!(UInt32Type),
        DataType::UInt64 => integer!(UInt64Type),
        DataType::Float16 => Value::Float(array.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => Value::Float(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Value::Text(array.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Value::Text(array.as_string_view().value(row).to_owned()),
        DataType::List(_) => list!(array.as_list::<i32>()),
        DataType::LargeList(_) => list!(array.as_list::<i64>()),
        DataType::FixedSizeList(_, _) => list!(array.as_fixed_size_list()),
        DataType::Struct(fields) => {
            let members = fields.iter().zip(array.as_struct().columns());
            let member = members.map(|(field, column)| (field.name().clone(), value(column, row)));
            Value::Object(member.collect())
        }
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            match value(dictionary.keys(), row) {
                Value::Integer(key) => {
                    value(dictionary.values(), usize::try_from(key).unwrap_or_default())
                }
                other => other,
            }
        }
        other => Value::Other(kind(other)),
    }
}

/// What a type is whose values have no text.
fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytes",
        DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => "a decimal",
        DataType::Map(_, _) => "a map",
        _ => "a value of a type that has no text",
    }
}
