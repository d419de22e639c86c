/** Facts about ALFRED's floor plans: the kinds of rooms, receptacles and things, and what may lie where. */

export const ROOMS = ['kitchen', 'livingRoom', 'bedroom', 'bathroom'] as const;
export type Room = (typeof ROOMS)[number];

/** ALFRED's scene numbers: `first` to `first + 29`. */
export const FIRST_SCENE: Readonly<Record<Room, number>> = { kitchen: 1, livingRoom: 201, bedroom: 301, bathroom: 401 };
export const SCENES_PER_ROOM = 30;

/** How many receptacles of each kind a room has: fewest, most. */
export const RECEPTACLES: Readonly<Record<Room, Readonly<Record<string, readonly [number, number]>>>> = {
  kitchen: {
    Cabinet: [3, 9],
    CounterTop: [1, 3],
    Drawer: [1, 5],
    Fridge: [1, 1],
    Microwave: [1, 1],
    SinkBasin: [1, 1],
    StoveBurner: [1, 4],
    GarbageCan: [1, 1],
    CoffeeMachine: [0, 1],
    Toaster: [0, 1],
    DiningTable: [0, 1],
    SideTable: [0, 1],
    Shelf: [0, 2],
    Safe: [0, 1],
  },
  livingRoom: {
    Sofa: [1, 2],
    CoffeeTable: [1, 1],
    SideTable: [1, 2],
    Drawer: [1, 5],
    Shelf: [0, 5],
    GarbageCan: [1, 1],
    ArmChair: [0, 2],
    TVStand: [0, 1],
    Desk: [0, 1],
    Dresser: [0, 1],
    DiningTable: [0, 1],
    Ottoman: [0, 1],
    Safe: [0, 1],
    Cabinet: [0, 3],
  },
  bedroom: {
    Bed: [1, 1],
    Desk: [1, 2],
    Drawer: [2, 8],
    SideTable: [1, 2],
    Shelf: [0, 5],
    Dresser: [0, 1],
    GarbageCan: [1, 1],
    ArmChair: [0, 2],
    LaundryHamper: [0, 1],
    Safe: [0, 1],
  },
  bathroom: {
    SinkBasin: [1, 2],
    CounterTop: [1, 2],
    Toilet: [1, 1],
    BathtubBasin: [0, 1],
    Cabinet: [1, 4],
    Drawer: [0, 4],
    GarbageCan: [1, 1],
    HandTowelHolder: [1, 2],
    TowelHolder: [1, 1],
    ToiletPaperHanger: [1, 1],
    Shelf: [0, 2],
    SideTable: [0, 1],
  },
};

/** Receptacles that can be opened; their contents are hidden until then. */
export const OPENABLE: ReadonlySet<string> = new Set(['Cabinet', 'Drawer', 'Fridge', 'Microwave', 'Safe']);

const words = (text: string): string[] => text.split(' ');

/** Things found in each kind of room. */
export const THINGS: Readonly<Record<Room, readonly string[]>> = {
  kitchen: words(
    'Apple Bowl Bread ButterKnife Cup DishSponge Egg Fork Kettle Knife Ladle Lettuce Mug Pan PepperShaker Plate Pot ' +
      'Potato SaltShaker SoapBottle Spatula Spoon Tomato Vase WineBottle',
  ),
  livingRoom: words(
    'Book Box CreditCard KeyChain Laptop Newspaper Pillow RemoteControl Statue TissueBox Vase Watch WateringCan',
  ),
  bedroom: words(
    'AlarmClock BaseballBat BasketBall Book Bowl CD CellPhone Cloth CreditCard KeyChain Laptop Mug Pen Pencil ' +
      'Pillow TennisRacket Vase Watch',
  ),
  bathroom: words('Candle Cloth DishSponge HandTowel SoapBar SoapBottle SprayBottle TissueBox ToiletPaper Towel'),
};

export const CLEANABLE: ReadonlySet<string> = new Set(
  words(
    'Apple Bowl ButterKnife Cloth Cup DishSponge Egg Fork Kettle Knife Ladle Lettuce Mug Pan Plate Pot Potato ' +
      'SoapBar Spatula Spoon Tomato',
  ),
);
export const HEATABLE: ReadonlySet<string> = new Set(words('Apple Bread Cup Egg Mug Plate Potato Tomato'));
export const COOLABLE: ReadonlySet<string> = new Set(
  words('Apple Bowl Bread Cup Egg Lettuce Mug Pan Plate Pot Potato Tomato WineBottle'),
);

const SMALL = 'CD CellPhone CreditCard KeyChain Watch';
const BATH = 'Candle Cloth DishSponge HandTowel SoapBar SoapBottle SprayBottle TissueBox ToiletPaper';
const SOFT_SEAT = 'BasketBall Book Box CellPhone Cloth CreditCard KeyChain Laptop Newspaper Pillow RemoteControl';
const SURFACE =
  `AlarmClock Book Bowl Box Candle Cloth Cup Laptop Mug Newspaper Pen Pencil RemoteControl ` +
  `SprayBottle Statue TissueBox ToiletPaper Vase WateringCan WineBottle ${SMALL}`;
const TABLE =
  'Apple BaseballBat BasketBall Bread ButterKnife DishSponge Egg Fork HandTowel Kettle Knife Ladle Lettuce Pan ' +
  'PepperShaker Plate Pot Potato SaltShaker SoapBar ' +
  `SoapBottle Spatula Spoon TennisRacket Tomato ${SURFACE}`;

/** What each kind of receptacle takes; lamps stand on tables and desks but are never carried. */
export const TAKES: Readonly<Record<string, readonly string[]>> = {
  ArmChair: words(SOFT_SEAT),
  BathtubBasin: words('Cloth DishSponge HandTowel SoapBar'),
  Bed: words('BaseballBat BasketBall Book CellPhone Laptop Newspaper Pillow TennisRacket'),
  Cabinet: words(
    `Book Bowl Box CD Cup Kettle Ladle Mug Newspaper Pan PepperShaker Plate Pot SaltShaker Vase WateringCan ` +
      `WineBottle ${BATH}`,
  ),
  CoffeeMachine: ['Mug'],
  CoffeeTable: words(TABLE),
  CounterTop: words(TABLE),
  Desk: words(`BasketBall Plate SoapBottle TennisRacket ${SURFACE}`),
  DiningTable: words(TABLE),
  Drawer: words(
    `Book ButterKnife Candle Cloth DishSponge Fork HandTowel Knife Ladle Newspaper Pen Pencil PepperShaker ` +
      `RemoteControl SaltShaker SoapBar SoapBottle Spatula Spoon SprayBottle TissueBox ToiletPaper WateringCan ` +
      `${SMALL}`,
  ),
  Dresser: words(`BasketBall Plate TennisRacket ${SURFACE}`),
  Fridge: words('Apple Bowl Bread Cup Egg Lettuce Mug Pan Plate Pot Potato Tomato WineBottle'),
  GarbageCan: words(
    'Apple Bread CD Cloth DishSponge Egg HandTowel Lettuce Newspaper Pen Pencil Potato SoapBar SoapBottle ' +
      'SprayBottle TissueBox ToiletPaper Tomato WineBottle',
  ),
  HandTowelHolder: ['HandTowel'],
  LaundryHamper: ['Cloth'],
  Microwave: words('Apple Bowl Bread Cup Egg Mug Plate Potato Tomato'),
  Ottoman: words(SOFT_SEAT),
  Safe: words(`Statue Vase ${SMALL}`),
  Shelf: words(`DishSponge HandTowel Kettle PepperShaker Plate Pot SaltShaker SoapBar SoapBottle ${SURFACE}`),
  SideTable: words(TABLE),
  SinkBasin: words(
    'Apple Bowl ButterKnife Cloth Cup DishSponge Egg Fork HandTowel Kettle Knife Ladle Lettuce Mug Pan Plate Pot ' +
      'Potato SoapBar Spatula Spoon Tomato',
  ),
  Sofa: words(SOFT_SEAT),
  StoveBurner: words('Kettle Pan Pot'),
  TVStand: words('TissueBox RemoteControl'),
  Toaster: [],
  Toilet: words('Candle Cloth DishSponge HandTowel Newspaper SoapBar SoapBottle SprayBottle TissueBox ToiletPaper'),
  ToiletPaperHanger: ['ToiletPaper'],
  TowelHolder: ['Towel'],
};

/** Receptacles that a desk lamp stands on. */
export const LAMP_STANDS: readonly string[] = ['Desk', 'SideTable', 'Dresser', 'Shelf'];
