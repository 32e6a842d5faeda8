import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { InvalidConfigError } from "@coracle/core";
import { RecordingLogger } from "../_testing/support.ts";
import { TlsCredentials, type TlsFiles } from "./credentials.ts";
import { CertificateFolder, inHours, type IssuedFiles } from "./_testing/certificate_folder.ts";

/** What is said of these files when they are loaded. */
async function refusal(files: TlsFiles): Promise<string> {
  return (await assertRejects(() => TlsCredentials.load(files), InvalidConfigError)).message;
}

/** Writes `text` so that the change can be seen, however soon after the one before. */
async function replace(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, text);
  await Deno.rename(`${path}.new`, path);
}

async function replaceAll(files: IssuedFiles, folder: CertificateFolder): Promise<void> {
  const issued = await folder.authority.issue({ names: ["n1"] });
  await replace(files.certFile, issued.certPem);
  await replace(files.keyFile, issued.keyPem);
}

Deno.test("files that go together are loaded, and it is said until when they hold", async () => {
  await using folder = await CertificateFolder.create();
  const logger = new RecordingLogger();
  const validTo = new Date("2099-01-02T03:04:05Z");
  const files = await folder.issue("n1", { validTo });
  const credentials = await TlsCredentials.load({ ...files, logger });
  assertEquals(credentials.current.expiresAtMs, +validTo);
  assertEquals(logger.infoLines, [
    `the certificate in ${files.certFile} holds until 2099-01-02T03:04:05Z`,
  ]);
  assertEquals(logger.warnLines, []);
});

Deno.test("what is wrong with a file is said in one line, with the file and what is allowed", async () => {
  await using folder = await CertificateFolder.create();
  const files = await folder.issue("n1");
  const other = await folder.issue("n2");
  const expired = await folder.issue("n4", { validFrom: inHours(-2), validTo: inHours(-1) });
  const early = await folder.issue("n5", { validFrom: inHours(1) });
  const at = async (name: string, text: string) => {
    const path = `${folder.path}/${name}`;
    await Deno.writeTextFile(path, text);
    return path;
  };
  const keyPem = await Deno.readTextFile(files.keyFile);
  const cases: [TlsFiles, string][] = [
    [{ ...files, certFile: `${folder.path}/none.pem` }, '/none.pem" (it does not exist)'],
    [{ ...files, keyFile: folder.path }, "(it is no file)"],
    [{ ...files, keyFile: `${files.certFile}/x` }, "(not a directory); allowed is"],
    [{ ...files, caFile: `${folder.path}/${"x".repeat(300)}` }, "(file name too long); allowed is"],
    [
      { ...files, certFile: files.keyFile },
      "(it holds no certificate); allowed is a file with certificates in PEM",
    ],
    [{ ...files, caFile: await at("empty.pem", "") }, "(it holds no certificate)"],
    [
      { ...files, keyFile: files.certFile },
      "(it holds no private key); allowed is a file with a private key in PEM",
    ],
    [
      { ...files, keyFile: await at("broken.pem", keyPem.replace(/\nM..../, "\nAAAA")) },
      "(the key in it cannot be read)",
    ],
    [
      {
        ...files,
        keyFile: await at("locked.pem", keyPem.replaceAll("PRIVATE", "ENCRYPTED PRIVATE")),
      },
      "(the key in it is encrypted)",
    ],
    [{ ...files, keyFile: other.keyFile }, "(it belongs to another certificate)"],
    [expired, "(the certificate of CN=n4 has expired at 2"],
    [early, "(the certificate of CN=n5 does not hold before 2"],
    [
      { ...files, certFile: await at("large.pem", "x".repeat(5_000_000)) },
      "(it has 5000000 bytes)",
    ],
  ];
  for (const [given, expected] of cases) {
    const message = await refusal(given);
    assertStringIncludes(message, expected);
    assert(!message.includes("\n"), message);
    for (const line of keyPem.split("\n").slice(1, -2)) assert(!message.includes(line), message);
  }
});

Deno.test("an operator's own names of the settings stand in the message", async () => {
  const settings = { caFile: "--ca", certFile: "--cert", keyFile: "--key" };
  assertEquals(
    await refusal({ certFile: "/nowhere", keyFile: "/nowhere", settings } as TlsFiles),
    '--cert is "/nowhere" (it does not exist); allowed is a file that exists and can be read',
  );
});

Deno.test("a key that everybody can read is warned of", async () => {
  await using folder = await CertificateFolder.create();
  const files = await folder.issue("n1");
  await Deno.chmod(files.keyFile, 0o644);
  const logger = new RecordingLogger();
  await TlsCredentials.load({ ...files, logger });
  assertEquals(logger.warnLines, [
    `the private key in ${files.keyFile} can be read by everybody on this machine`,
  ]);
});

Deno.test("no authority is needed where no certificate of the other side is looked at", async () => {
  await using folder = await CertificateFolder.create();
  const { certFile, keyFile } = await folder.issue("n1");
  const { current } = await TlsCredentials.load({ certFile, keyFile });
  assertEquals([current.trusted.length, current.contextOptions().ca], [0, undefined]);
});

Deno.test("changed files are read when they are asked for, and only then", async () => {
  await using folder = await CertificateFolder.create();
  const files = await folder.issue("n1");
  const logger = new RecordingLogger();
  const credentials = await TlsCredentials.load({ ...files, logger });
  const first = credentials.current;
  assert(await credentials.fresh() === first, "nothing has changed");
  await replaceAll(files, folder);
  assert(credentials.current === first);
  const [second, same] = await Promise.all([credentials.fresh(), credentials.fresh()]);
  assert(second === same && second !== first);
  assertNotEquals(second.chain[0]!.fingerprint256, first.chain[0]!.fingerprint256);
  assertEquals(logger.infoLines.length, 2);
  assertStringIncludes(logger.infoLines[1]!, "was read anew and holds until");
});

Deno.test("what cannot be used changes nothing, is logged once, and is tried again", async () => {
  await using folder = await CertificateFolder.create();
  const files = await folder.issue("n1");
  const logger = new RecordingLogger();
  const credentials = await TlsCredentials.load({ ...files, logger });
  const first = credentials.current;
  // As between the two steps of an exchange: the certificate is there, its key is not.
  const issued = await folder.authority.issue({ names: ["n1"] });
  await replace(files.certFile, issued.certPem);
  for (let count = 0; count < 3; count += 1) assert(await credentials.fresh() === first);
  assertEquals(logger.warnings("it belongs to another certificate").length, 1);
  const error = await assertRejects(() => credentials.reload(), InvalidConfigError);
  assertStringIncludes(error.message, "it belongs to another certificate");
  assert(credentials.current === first);
  await replace(files.keyFile, issued.keyPem);
  assert(await credentials.fresh() !== first);
  assertEquals(logger.warnLines.length, 1);
});

for (const isAskedFor of [false, true]) {
  const when = isAskedFor ? "when it was asked for" : "when it was noticed";
  Deno.test(`what could not be used ${when} is used once it can be, without another change`, async () => {
    await using folder = await CertificateFolder.create();
    const files = await folder.issue("n1");
    // Such as a certificate that is put in place before it holds.
    let problem: string | undefined;
    const check = () => {
      if (problem !== undefined) throw new InvalidConfigError("certFile", problem, "another");
    };
    const credentials = await TlsCredentials.load({ ...files, check });
    const first = credentials.current;
    await replaceAll(files, folder);
    problem = "too early";
    if (isAskedFor) {
      await assertRejects(() => credentials.reload(), InvalidConfigError, "too early");
    }
    assert(await credentials.fresh() === first);
    problem = undefined;
    assert(await credentials.fresh() !== first);
  });
}

Deno.test("files that have gone change nothing", async () => {
  await using folder = await CertificateFolder.create();
  const files = await folder.issue("n1");
  const credentials = await TlsCredentials.load(files);
  const first = credentials.current;
  await Deno.remove(files.certFile);
  assert(await credentials.fresh() === first);
});

Deno.test("the key is in no text that is made of the credentials", async () => {
  await using folder = await CertificateFolder.create();
  const files = await folder.issue("n1");
  const credentials = await TlsCredentials.load(files);
  const secret = (await Deno.readTextFile(files.keyFile)).split("\n")[1]!;
  for (const value of [credentials, credentials.current]) {
    const texts = [Deno.inspect(value, { depth: 10, showHidden: true }), JSON.stringify(value)];
    for (const text of texts) assert(!text.includes(secret));
  }
});
