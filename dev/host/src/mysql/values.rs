//! Values between the driver and guests. Which column type becomes which is Spin's choice, among
//! it that text with a binary collation arrives as bytes.

use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::prelude::FromValue;
use mysql_async::{Row, Value, from_value_opt};

use super::v3::{Column, DbDataType, DbValue, Error, ParameterValue};

/// A parameter for the driver.
pub(super) fn to_driver(value: ParameterValue) -> Value {
    match value {
        ParameterValue::Boolean(v) => v.into(),
        ParameterValue::Int8(v) => v.into(),
        ParameterValue::Int16(v) => v.into(),
        ParameterValue::Int32(v) => v.into(),
        ParameterValue::Int64(v) => v.into(),
        ParameterValue::Uint8(v) => v.into(),
        ParameterValue::Uint16(v) => v.into(),
        ParameterValue::Uint32(v) => v.into(),
        ParameterValue::Uint64(v) => v.into(),
        ParameterValue::Floating32(v) => v.into(),
        ParameterValue::Floating64(v) => v.into(),
        ParameterValue::Str(v) => v.into(),
        ParameterValue::Binary(v) => v.into(),
        ParameterValue::DbNull => Value::NULL,
    }
}

/// The name and type of a column as guests see them.
pub(super) fn column(column: &mysql_async::Column) -> Column {
    Column {
        name: column.name_str().into_owned(),
        data_type: data_type(column.column_type(), column.flags()),
    }
}

fn data_type(kind: ColumnType, flags: ColumnFlags) -> DbDataType {
    let pick = |signed, unsigned| {
        if flags.contains(ColumnFlags::UNSIGNED_FLAG) {
            unsigned
        } else {
            signed
        }
    };
    let text_or_bytes = || {
        if flags.contains(ColumnFlags::BINARY_FLAG) {
            DbDataType::Binary
        } else {
            DbDataType::Str
        }
    };
    match kind {
        ColumnType::MYSQL_TYPE_TINY => pick(DbDataType::Int8, DbDataType::Uint8),
        ColumnType::MYSQL_TYPE_SHORT => pick(DbDataType::Int16, DbDataType::Uint16),
        ColumnType::MYSQL_TYPE_INT24 | ColumnType::MYSQL_TYPE_LONG => {
            pick(DbDataType::Int32, DbDataType::Uint32)
        }
        ColumnType::MYSQL_TYPE_LONGLONG => pick(DbDataType::Int64, DbDataType::Uint64),
        ColumnType::MYSQL_TYPE_FLOAT => DbDataType::Floating32,
        ColumnType::MYSQL_TYPE_DOUBLE => DbDataType::Floating64,
        ColumnType::MYSQL_TYPE_BLOB
        | ColumnType::MYSQL_TYPE_STRING
        | ColumnType::MYSQL_TYPE_VAR_STRING => text_or_bytes(),
        _ => DbDataType::Other,
    }
}

/// A row as guests see it, and about how many bytes it takes.
pub(super) fn row(row: Row, columns: &[Column]) -> Result<(Vec<DbValue>, usize), Error> {
    let mut size = 0;
    let values = row
        .unwrap()
        .into_iter()
        .zip(columns)
        .map(|(value, column)| {
            size += size_of::<DbValue>();
            if let Value::Bytes(bytes) = &value {
                size += bytes.len();
            }
            from_driver(value, column)
        })
        .collect::<Result<_, _>>()?;
    Ok((values, size))
}

fn from_driver(value: Value, column: &Column) -> Result<DbValue, Error> {
    if value == Value::NULL {
        return Ok(DbValue::DbNull);
    }
    match column.data_type {
        DbDataType::Boolean => convert(value, DbValue::Boolean),
        DbDataType::Int8 => convert(value, DbValue::Int8),
        DbDataType::Int16 => convert(value, DbValue::Int16),
        DbDataType::Int32 => convert(value, DbValue::Int32),
        DbDataType::Int64 => convert(value, DbValue::Int64),
        DbDataType::Uint8 => convert(value, DbValue::Uint8),
        DbDataType::Uint16 => convert(value, DbValue::Uint16),
        DbDataType::Uint32 => convert(value, DbValue::Uint32),
        DbDataType::Uint64 => convert(value, DbValue::Uint64),
        DbDataType::Floating32 => convert(value, DbValue::Floating32),
        DbDataType::Floating64 => convert(value, DbValue::Floating64),
        DbDataType::Str => convert(value, DbValue::Str),
        DbDataType::Binary => convert(value, DbValue::Binary),
        DbDataType::Other => Err(Error::ValueConversionFailed(format!(
            "column {} has a type that cannot be converted: {value:?}",
            column.name
        ))),
    }
}

fn convert<T: FromValue>(value: Value, wrap: fn(T) -> DbValue) -> Result<DbValue, Error> {
    from_value_opt(value)
        .map(wrap)
        .map_err(|error| Error::ValueConversionFailed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_the_columns_flags() {
        let plain = ColumnFlags::empty();
        let text = ColumnType::MYSQL_TYPE_VAR_STRING;
        assert_eq!(data_type(text, plain), DbDataType::Str);
        assert_eq!(
            data_type(text, ColumnFlags::BINARY_FLAG),
            DbDataType::Binary
        );
        let long = ColumnType::MYSQL_TYPE_LONGLONG;
        assert_eq!(data_type(long, plain), DbDataType::Int64);
        assert_eq!(
            data_type(long, ColumnFlags::UNSIGNED_FLAG),
            DbDataType::Uint64
        );
        assert_eq!(
            data_type(ColumnType::MYSQL_TYPE_DATETIME, plain),
            DbDataType::Other
        );
        assert_eq!(
            data_type(ColumnType::MYSQL_TYPE_NEWDECIMAL, plain),
            DbDataType::Other
        );
    }

    #[test]
    fn values_that_do_not_fit_are_errors() {
        let column = |data_type| Column {
            name: "c".to_owned(),
            data_type,
        };
        let value = |value, data_type| from_driver(value, &column(data_type));
        assert!(matches!(
            value(Value::NULL, DbDataType::Int8),
            Ok(DbValue::DbNull)
        ));
        assert!(matches!(
            value(Value::Int(5), DbDataType::Uint64),
            Ok(DbValue::Uint64(5))
        ));
        assert!(matches!(
            value(Value::Bytes(vec![0xff]), DbDataType::Str),
            Err(Error::ValueConversionFailed(_))
        ));
        assert!(value(Value::Int(300), DbDataType::Int8).is_err());
        assert!(value(Value::Int(1), DbDataType::Other).is_err());
    }
}
