/** Which doors are open beside Google's. */

/** Doors that can be switched off, and are open by default. */
export const OPTIONAL_DOORS = ['ucloud', 'gws', 'dxl'] as const
export type OptionalDoor = (typeof OPTIONAL_DOORS)[number]

/** True for a list of doors, or `none`. */
export function areDoors(doors: string): boolean {
  return doors === 'none' || doorsOf(doors).length === doors.split(',').length
}

/** What is no door is left out. */
export function doorsOf(doors: string): OptionalDoor[] {
  return doors.split(',').flatMap(name => OPTIONAL_DOORS.filter(door => door === name))
}
