// SPDX-License-Identifier: MIT
/*
 * swarm - ships that fly in straight lines and bounce: the same motion for all who are
 * measured.
 */

/** The middle one of the figures. @param {number[]} list */
export const median = (list) => list.slice().sort((a, b) => a - b)[list.length >> 1];

/** CPU time of this process in us: what others do on the machine is not in it. */
export function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** A sequence of numbers in [0, 1), always the same. */
export function dice(seed = 20261124) {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return (state - 1) / 2147483646;
  };
}

/** n ships; move() is one tick. `ships` may be objects that others watch. */
export function make(n, ship = (s) => s) {
  const random = dice();
  const ships = [];
  for (let i = 0; i < n; i++)
    ships.push(
      ship({
        name: `ship ${i % 50}`,
        hp: 100,
        team: i % 2,
        x: random() * 4096,
        y: random() * 4096,
      }),
    );
  const speed = ships.map(() => ({ vx: random() * 10 - 5, vy: random() * 10 - 5 }));
  return {
    ships,
    move() {
      for (let i = 0; i < n; i++) {
        const s = ships[i];
        const v = speed[i];
        let x = s.x + v.vx;
        let y = s.y + v.vy;
        if (x < 0 || x > 4096) {
          v.vx = -v.vx;
          x = s.x;
        }
        if (y < 0 || y > 4096) {
          v.vy = -v.vy;
          y = s.y;
        }
        s.x = x;
        s.y = y;
      }
    },
  };
}
