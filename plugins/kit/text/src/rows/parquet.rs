//! Rows of Parquet files.

use std::fs::File;
use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::Columns;
use crate::error::Source;
use crate::value::Value;

/// All rows of all row groups.
pub(super) fn read(file: File) -> Result<Vec<Columns>, Source> {
    let reader = SerializedFileReader::new(file)?;
    let fields = reader.metadata().file_metadata().schema().get_fields();
    let names: Vec<Arc<str>> = fields.iter().map(|field| field.name().into()).collect();
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None)? {
        let columns = row?.into_columns().into_iter();
        let values = columns.map(|(_, field)| value(field));
        rows.push(names.iter().cloned().zip(values).collect());
    }
    Ok(rows)
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
        Field::ListInternal(_) => Value::Other("a list"),
        Field::Group(_) | Field::MapInternal(_) => Value::Other("an object"),
    }
}
