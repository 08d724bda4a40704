import java.nio.file.Path;
import java.util.StringJoiner;

import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;

/** Prints the rows of a Parquet file as JSON, one a line: java -cp 'JARS/*' Rows.java FILE. */
public final class Rows {
    private static final class Reader extends ParquetReader.Builder<Group> {
        Reader(InputFile file) {
            super(file);
        }

        @Override
        protected ReadSupport<Group> getReadSupport() {
            return new GroupReadSupport();
        }
    }

    public static void main(String[] arguments) throws Exception {
        InputFile file = new LocalInputFile(Path.of(arguments[0]));
        try (ParquetReader<Group> rows = new Reader(file).build()) {
            for (Group row = rows.read(); row != null; row = rows.read()) {
                StringJoiner fields = new StringJoiner(",", "{", "}");
                for (Type field : row.getType().getFields()) {
                    fields.add(quoted(field.getName()) + ":" + value(row, field.getName(), 0));
                }
                System.out.println(fields);
            }
        }
    }

    private static String value(Group group, String name, int index) {
        if (group.getFieldRepetitionCount(name) == 0) {
            return "null";
        }
        Type type = group.getType().getType(name);
        if (type.isPrimitive()) {
            return primitive(group, type.asPrimitiveType(), name, index);
        }
        boolean isMap = LogicalTypeAnnotation.mapType().equals(type.getLogicalTypeAnnotation());
        Group entries = group.getGroup(name, index);
        GroupType entry = type.asGroupType().getType(0).asGroupType();
        StringJoiner joined = isMap ? new StringJoiner(",", "{", "}") : new StringJoiner(",", "[", "]");
        for (int place = 0; place < entries.getFieldRepetitionCount(0); place++) {
            Group found = entries.getGroup(0, place);
            String last = value(found, entry.getFieldName(entry.getFieldCount() - 1), 0);
            joined.add(isMap ? value(found, entry.getFieldName(0), 0) + ":" + last : last);
        }
        return joined.toString();
    }

    private static String primitive(Group group, PrimitiveType type, String name, int index) {
        return type.getPrimitiveTypeName() == PrimitiveType.PrimitiveTypeName.BINARY
            ? quoted(group.getString(name, index))
            : group.getValueToString(group.getType().getFieldIndex(name), index);
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            quoted.append(letter < ' ' || letter == '"' || letter == '\\' ? String.format("\\u%04x", (int) letter) : letter);
        }
        return quoted.append('"').toString();
    }
}
