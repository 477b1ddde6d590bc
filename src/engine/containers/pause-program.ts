import { KindError } from '../../base/errors.ts';

/**
 * PID 1 of a pod whose containers share their processes: ignores SIGCHLD, so that the kernel itself takes away whoever dies without a parent,
 * and sleeps for ever. Some 150 bytes of a static ELF file instead of an image; SIGKILL from outside ends it, nothing from inside does.
 *
 *   rt_sigaction(SIGCHLD, &{ SIG_IGN }, NULL, 8); for (;;) pause();
 */
export function pauseProgram(architecture: string = process.arch): Buffer {
  const machine = machines[architecture];
  if (!machine) throw new KindError('notImplemented', `shareProcessNamespace is not supported on ${architecture}`);
  const code = Buffer.from(machine.code.replaceAll(/\s/g, ''), 'hex');
  const action = Buffer.alloc(32);
  action.writeUInt8(1); // sa_handler = SIG_IGN
  return Buffer.concat([elfHeader(machine.number, headerBytes + code.length + action.length), code, action]);
}

const headerBytes = 64 + 56;
const loadAddress = 0x400000n;

interface Machine {
  /** e_machine, elf.h. */
  readonly number: number;
  /** Instructions, then the struct sigaction that they refer to. */
  readonly code: string;
}

const machines: Readonly<Record<string, Machine>> = {
  x64: {
    number: 62,
    code: `
      b80d000000        bf11000000   488d3517000000   31d2   41ba08000000   0f05
      b822000000 0f05   ebf7         90909090`,
  },
  arm64: {
    number: 183,
    code: `
      c81080d2 200280d2 81010010 020080d2 030180d2 010000d4
      280980d2 000080d2 010080d2 020080d2 030080d2 040080d2 010000d4 f9ffff17`,
  },
};

/** One ELF header and one segment that holds the whole file, elf(5). */
function elfHeader(machine: number, fileBytes: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.write('7f454c46020101', 'hex');
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(loadAddress + BigInt(headerBytes), 24); // entry
  header.writeBigUInt64LE(64n, 32); // program headers
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64); // PT_LOAD
  header.writeUInt32LE(5, 68); // read, execute
  header.writeBigUInt64LE(loadAddress, 80);
  header.writeBigUInt64LE(loadAddress, 88);
  header.writeBigUInt64LE(BigInt(fileBytes), 96);
  header.writeBigUInt64LE(BigInt(fileBytes), 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return header;
}
