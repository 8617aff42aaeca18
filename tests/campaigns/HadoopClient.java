import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;

/** Does with Hadoop's own client what it reads, a line each: VERB PATH [BASE64]. */
public class HadoopClient {
    public static void main(String[] args) throws Exception {
        FileSystem fs = FileSystem.get(new Configuration());
        Map<String, FSDataOutputStream> open = new HashMap<>();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        String line;
        while ((line = in.readLine()) != null) {
            String answer;
            try {
                answer = "ok " + run(fs, open, line.split(" "));
            } catch (Exception error) {
                answer = String.valueOf(error.getMessage()).split("\n")[0];
            }
            System.out.println(answer);
            System.out.flush();
        }
    }

    private static String run(FileSystem fs, Map<String, FSDataOutputStream> open, String[] words) throws Exception {
        String verb = words[0];
        Path path = new Path(words[1]);
        FSDataOutputStream file = open.get(words[1]);
        if (verb.equals("create")) {
            open.put(words[1], fs.create(path, true));
        } else if (verb.equals("small")) {  // blocks of 16 KiB
            open.put(words[1], fs.create(path, true, 4096, (short) 1, 16384L));
        } else if (verb.equals("append")) {
            open.put(words[1], fs.append(path));
        } else if (verb.equals("write")) {
            file.write(Base64.getDecoder().decode(words[2]));
        } else if (verb.equals("hflush")) {
            file.hflush();
        } else if (verb.equals("hsync")) {
            file.hsync();
        } else if (verb.equals("close")) {
            file.close();
            open.remove(words[1]);
        } else if (verb.equals("delete")) {
            fs.delete(path, true);
        } else if (verb.equals("rename")) {
            fs.rename(path, new Path(words[2]));
        } else if (verb.equals("private")) {
            fs.mkdirs(path, new FsPermission((short) 0700));
        } else if (verb.equals("length")) {
            return String.valueOf(fs.getFileStatus(path).getLen());
        } else {
            throw new IllegalArgumentException(verb);
        }
        return verb;
    }
}
