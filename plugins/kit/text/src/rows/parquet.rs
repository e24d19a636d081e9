//! Rows of Parquet files.

use std::fs::File;
use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;

use super::Reader;
use crate::error::Source;
use crate::value::Value;

/// All rows of all row groups, read a batch at a time.
///
/// # Errors
/// When the file's footer cannot be read.
pub(super) fn rows(file: File) -> Result<Reader, Source> {
    let reader = SerializedFileReader::new(file)?;
    let fields = reader.metadata().file_metadata().schema().get_fields();
    let names: Vec<Arc<str>> = fields.iter().map(|field| field.name().into()).collect();
    let rows = RowIter::from_file_into(Box::new(reader));
    Ok(Box::new(rows.map(move |row| {
        let values = row?.into_columns().into_iter().map(|(_, field)| value(field));
        Ok(names.iter().cloned().zip(values).collect())
    })))
}

fn value(field: Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => Value::Bool(value),
        Field::Byte(value) => Value::Integer(value.into()),
        Field::Short(value) => Value::Integer(value.into()),
        Field::Int(value) => Value::Integer(value.into()),
        Field::Long(value) => Value::Integer(value.into()),
        Field::UByte(value) => Value::Integer(value.into()),
        Field::UShort(value) => Value::Integer(value.into()),
        Field::UInt(value) => Value::Integer(value.into()),
        Field::ULong(value) => Value::Integer(value.into()),
        Field::Float16(value) => Value::Float(value.into()),
        Field::Float(value) => Value::Float(value.into()),
        Field::Double(value) => Value::Float(value),
        Field::Str(text) => Value::Text(text),
        Field::Decimal(_) => Value::Other("a decimal"),
        Field::Bytes(_) => Value::Other("bytes"),
        Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_) => Value::Other("a time"),
        Field::ListInternal(list) => {
            Value::List(list.elements().iter().cloned().map(value).collect())
        }
        Field::Group(group) => {
            let members = group.into_columns().into_iter();
            Value::Object(members.map(|(name, field)| (name, value(field))).collect())
        }
        Field::MapInternal(_) => Value::Other("a map"),
    }
}
